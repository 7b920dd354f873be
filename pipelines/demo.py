"""`coupontools demo`: exports a generated account from the embedded API, and opens Dagster on it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click
import httpx

from resources.account_fingerprint import DEMO_CLIENT_ID
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.server import SandboxServer
from resources.settings import Storage
from resources.utc import utc_today

DATA_DIR = "demo-data"
"""Where the demo writes unless COUPONTOOLS_DATA_DIR says otherwise; never the default folder of a real export."""

DAYS_IN_THE_UI = 30

_OF_A_REAL_ACCOUNT = ("WAREHOUSE", "STORAGE", "START_DATE", "METRICS_FILE", "ALERTS", "WEEKLY_DIGEST")
"""Variables that do not hold for a made-up account: it is in no shared warehouse, no metrics and no alerts."""

QUERIES = (
    "SELECT title, count(*) AS sessions, count(validated_at) AS validated\n"
    "FROM coupon_sessions JOIN campaigns USING (campaign_id)\n"
    "GROUP BY title ORDER BY validated DESC LIMIT 5",
    "SELECT strftime(created_at, '%Y-%m') AS month, count(*) AS created, count(claimed_at) AS claimed\n"
    "FROM coupon_sessions GROUP BY month ORDER BY month",
    "SELECT name, payment_type, count(*) AS registrations, count(*) FILTER (payment_status = 'paid') AS paid\n"
    "FROM directory_registrations JOIN directories USING (directory_id)\n"
    "GROUP BY ALL ORDER BY registrations DESC",
)


def run_demo(sessions: int, seed: int, ui_port: int | None) -> None:
    """Start the sandbox, export it as production would, and print the result with queries to try.

    With `ui_port` Dagster is opened there on the same sandbox, until Ctrl-C.
    """
    os.environ.setdefault("COUPONTOOLS_DATA_DIR", DATA_DIR)
    for name in _OF_A_REAL_ACCOUNT:
        os.environ.pop(f"COUPONTOOLS_{name}", None)
    click.echo(
        f"The embedded API makes up an account of {sessions:,} coupon sessions, and adds more as time passes.", err=True
    )
    client_id = f"{DEMO_CLIENT_ID}-{seed}-{sessions}"
    with SandboxServer(GeneratedAccount(seed=seed, sessions=sessions), client_id=client_id) as server:
        os.environ["COUPONTOOLS_API_URL"] = server.url
        os.environ["COUPONTOOLS_CLIENT_ID"] = server.client_id
        os.environ["COUPONTOOLS_CLIENT_SECRET"] = server.client_secret
        click.echo(f"It listens on {server.url}; the export reads it over HTTP.", err=True)

        from pipelines.export import export_days

        exported = export_days(Storage.read().start_date, utc_today())
        exported.show()
        database = Path(exported.published_places["database"])
        _show_queries(os.path.relpath(database))
        if ui_port is not None:
            _open_dagster(database.parent / ".dagster", ui_port)


def _show_queries(database: str) -> None:
    click.echo("\nQueries to try, here in Python; any DuckDB from 1.5 on reads the file too:")
    for query in QUERIES:
        click.echo(
            f'\nuv run python -c "import duckdb; print(duckdb.connect({database!r}, read_only=True).sql(\\"\\"\\"'
        )
        click.echo(f'{query}\\"\\"\\"))"')
    click.echo(
        f"\nThe report is {Path(database).with_name('report.html')}, the data dictionary dictionary.md beside it."
    )


def _open_dagster(home: Path, port: int) -> None:
    """Export the last days as partitions, and run Dagster's page and daemon until Ctrl-C."""
    from dagster import DagsterInstance

    from assets.window import list_days
    from pipelines.backfill import export_partitions

    home.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("dagster.yaml"), home)
    os.environ["DAGSTER_HOME"] = str(home)
    yesterday = utc_today() - timedelta(days=1)
    days = list_days(yesterday - timedelta(days=DAYS_IN_THE_UI - 1), yesterday)
    click.echo(f"\nDagster reads the last {DAYS_IN_THE_UI} days as partitions.", err=True)
    with DagsterInstance.get() as instance:
        export_partitions(instance, list(map(str, days)))
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    with (home / "dagster.log").open("wb") as log:
        dagster = subprocess.Popen([*command, "-m", "pipelines.definitions"], stdout=log, stderr=log)  # noqa: S603
        try:
            _wait_for(f"http://127.0.0.1:{port}/server_info", dagster)
            click.echo(f"Dagster is at http://127.0.0.1:{port} (its log is {log.name}). Ctrl-C ends it.")
            dagster.wait()
        except KeyboardInterrupt:
            pass
        finally:
            dagster.send_signal(signal.SIGINT)
            dagster.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(address, trust_env=False).is_success:
                return
        time.sleep(0.5)
    raise click.ClickException("Dagster has ended; its log says why. Is the port taken? Choose another with --port.")
