"""What the demo of a cluster shows at its end: which host ran what, where everything lies, and what to try."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from pipelines.cluster.dagster_api import Run
from pipelines.cluster.hosts import Host
from resources.warehouse.lake.address import CATALOGUE
from resources.warehouse.lake.extensions import EXTENSIONS, find_in_wheel
from resources.warehouse.sql import quoted_text

_QUERIES = (
    "SELECT campaign_title, created, validated FROM marts.campaign_funnel ORDER BY validated DESC LIMIT 5",
    "SELECT created_at::DATE AS day, count(*) AS sessions FROM coupon_sessions GROUP BY ALL ORDER BY day DESC LIMIT 5",
)


def show_runs(runs: Sequence[Run], hosts: Sequence[Host]) -> None:
    """Print the runs in the order in which they began, each with the host that has its log."""
    click.echo(f"\n{'ran on':<8}{'seconds':>8}  {'days':<26}what")
    for run in reversed(runs):
        host = next((host.name for host in hosts if (host.dagster_home / "storage" / run.id).exists()), "")
        click.echo(f"{host:<8}{run.seconds:>8.0f}  {run.days:<26}{run.what}")


def show_places(folder: Path, variables: Mapping[str, str], page: str) -> None:
    """Write what leads to the warehouse into two private files of the folder, and print where everything lies."""
    _write(folder / "variables", "".join(f"export {name}='{value}'\n" for name, value in variables.items()))
    _write(folder / "attach.sql", _attach(variables))
    shown = os.path.relpath(folder)
    click.echo(
        f"""
rows                 {variables["COUPONTOOLS_STORAGE"]} at {variables["AWS_ENDPOINT_URL"]}: {shown}/services/storage
catalogue and lock   the database warehouse of PostgreSQL: {shown}/services/postgres
runs and events      its database dagster
the hosts            {shown}/host1 and {shown}/host2: no row of any table
Dagster              {page}

To try in another terminal, as an analyst would:
"""
    )
    for query in _QUERIES:
        click.echo(f'uv run --group cluster duckdb -init {shown}/attach.sql -c "{query}"')
    click.echo(
        f"""
and as a third host would:

. {shown}/variables
uv run --group cluster coupontools check
uv run --group cluster coupontools export

Ctrl-C ends all of it; the same command goes on with what is there."""
    )


def _write(file: Path, text: str) -> None:
    file.touch(0o600)
    file.write_text(text, "utf-8")


def _attach(variables: Mapping[str, str]) -> str:
    """Write the statements by which any DuckDB that has the extensions attaches the warehouse."""
    database, storage = urlsplit(variables["COUPONTOOLS_WAREHOUSE"]), urlsplit(variables["AWS_ENDPOINT_URL"])
    load = [f"LOAD {quoted_text(file)}" if (file := find_in_wheel(name)) else f"LOAD {name}" for name in EXTENSIONS]
    statements = [
        *load,
        f"CREATE SECRET catalogue (TYPE postgres, HOST '{database.hostname}', PORT {database.port}, "
        f"USER '{database.username}', PASSWORD '{database.password}', DATABASE '{database.path[1:]}')",
        f"CREATE SECRET storage (TYPE s3, KEY_ID '{variables['AWS_ACCESS_KEY_ID']}', "
        f"SECRET '{variables['AWS_SECRET_ACCESS_KEY']}', REGION '{variables['AWS_REGION']}', "
        f"ENDPOINT '{storage.netloc}', URL_STYLE 'path', USE_SSL false)",
        f"ATTACH 'ducklake:postgres:' AS shared (READ_ONLY, METADATA_SCHEMA '{CATALOGUE}', META_SECRET 'catalogue')",
        "USE shared",
    ]
    return "".join(f"{statement};\n" for statement in statements)
