"""The demo: the whole way from the API to the published tables, on an account that is made up."""

import os
from datetime import UTC, datetime

import click

from resources.sandbox.account import Account
from resources.sandbox.server import SandboxServer
from resources.settings import Storage

DATA_DIR = "demo-data"
"""Where the demo writes unless COUPONTOOLS_DATA_DIR says otherwise; never the default folder of a real export."""

QUERIES = (
    "SELECT title, count(*) AS sessions, count(validated_at) AS validated\n"
    "FROM coupon_sessions JOIN campaigns USING (campaign_id)\n"
    "GROUP BY title ORDER BY validated DESC LIMIT 5",
    "SELECT strftime(created_at, '%Y-%m') AS month, count(*) AS created, count(claimed_at) AS claimed\n"
    "FROM coupon_sessions GROUP BY month ORDER BY month",
    "SELECT name, payment_type, count(*) AS registrations, count_if(payment_status = 'paid') AS paid\n"
    "FROM directory_registrations JOIN directories USING (directory_id)\n"
    "GROUP BY ALL ORDER BY registrations DESC",
)


def show(sessions: int, seed: int) -> None:
    """Start the sandbox, export it as production would, and say what came of it and what to try."""
    os.environ.setdefault("COUPONTOOLS_DATA_DIR", DATA_DIR)
    click.echo(f"The embedded API makes up an account of {sessions:,} coupon sessions, and more since.", err=True)
    with SandboxServer(Account(seed=seed, sessions=sessions)) as server:
        os.environ["COUPONTOOLS_API_URL"] = server.url
        os.environ["COUPONTOOLS_CLIENT_ID"] = server.client_id
        os.environ["COUPONTOOLS_CLIENT_SECRET"] = server.client_secret
        click.echo(f"It listens on {server.url}; the export reads it over HTTP.", err=True)

        from pipelines.run import export_days

        exported = export_days(Storage.read().start_date, datetime.now(UTC).date())
    exported.show()
    database = os.path.relpath(exported.database)
    click.echo("\nQueries to try, here in Python; any DuckDB from 1.5 on reads the file too:")
    for query in QUERIES:
        click.echo(
            f'\nuv run python -c "import duckdb; print(duckdb.connect({database!r}, read_only=True).sql(\\"\\"\\"'
        )
        click.echo(f'{query}\\"\\"\\"))"')
