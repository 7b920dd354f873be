"""The demo: the whole way from the API to the published tables, on an account that is made up."""

import os
import time
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table as Grid

from resources.sandbox.account import Account
from resources.sandbox.server import SandboxServer
from resources.settings import Storage

DATA_DIR = "demo-data"
"""Where the demo writes unless COUPONTOOLS_DATA_DIR says otherwise; never the folder of a real export."""

QUERIES = (
    ("The best campaigns", "SELECT c.title, count(*) AS sessions, count(validated_at) AS validated FROM coupon_sessions "
     "JOIN campaigns c USING (campaign_id) GROUP BY ALL ORDER BY validated DESC LIMIT 5"),
    ("Sessions by month", "SELECT strftime(created_at, '%Y-%m') AS month, count(*) AS created, count(claimed_at) AS claimed "
     "FROM coupon_sessions GROUP BY ALL ORDER BY ALL"),
    ("The hours at which coupons are claimed", "SELECT hour(claimed_at) AS hour, count(*) FROM coupon_sessions WHERE "
     "is_claimed GROUP BY ALL ORDER BY ALL"),
)


def show(sessions: int, seed: int) -> None:
    """Start the sandbox, export it as production would, and say what came of it."""
    from pipelines.run import export_days

    begun = time.monotonic()
    os.environ.setdefault("COUPONTOOLS_DATA_DIR", DATA_DIR)
    click.echo(f"The embedded API makes up an account of about {sessions:,} coupon sessions ...", err=True)
    with SandboxServer(Account(seed=seed, sessions=sessions)) as server:
        os.environ["COUPONTOOLS_API_URL"] = server.url
        os.environ["COUPONTOOLS_CLIENT_ID"] = server.client_id
        os.environ["COUPONTOOLS_CLIENT_SECRET"] = server.client_secret
        click.echo(f"It listens on {server.url}; the export reads it over HTTP.", err=True)
        told = export_days(Storage.read().start_date, datetime.now(UTC).date())
    _summarise(told, time.monotonic() - begun)
