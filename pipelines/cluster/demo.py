"""`coupontools demo --cluster`: two hosts export a made-up account into one warehouse, all of it on this machine."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from assets.partitions import daily
from assets.table_assets import ASSETS
from assets.window import list_days
from pipelines.cluster.dagster_api import DagsterApi, Run
from pipelines.cluster.hosts import Host, Network, make_front, make_worker
from pipelines.cluster.server import Server, start_all
from pipelines.cluster.services import BUCKET, LOOPBACK, Services, run_services
from pipelines.cluster.shown import show_places, show_runs
from resources.account_fingerprint import DEMO_CLIENT_ID
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.server import SandboxServer
from resources.utc import utc_today

FOLDER = "demo-cluster"
"""Where the demo writes unless COUPONTOOLS_DATA_DIR says otherwise."""

HOSTS = ("host1", "host2")
DAYS, DAYS_PER_RUN = 30, 15
"""How many days are read, and how many of them by one run."""

MAX_SECONDS = 900.0
"""The longest wait for a run or backfill; where it takes longer, something is wrong with the machine."""


def run_cluster_demo(sessions: int, seed: int, port: int) -> None:
    """Start all servers and two workers, export through both of them, and show where everything lies, until Ctrl-C.

    Raises click.ClickException.
    """
    folder = Path(os.environ.get("COUPONTOOLS_DATA_DIR", FOLDER)).absolute()
    account, client_id = GeneratedAccount(seed=seed, sessions=sessions), f"{DEMO_CLIENT_ID}-{seed}-{sessions}"
    with SandboxServer(account, client_id=client_id) as api, open_cluster(folder, api, port) as cluster:
        show_runs(export(cluster.dagster), cluster.hosts)
        show_places(folder, cluster.variables, cluster.page)
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


@dataclass(frozen=True)
class Cluster:
    """What runs: Dagster's page and daemon, and the worker of each host."""

    page: str
    dagster: DagsterApi
    hosts: Sequence[Host]
    workers: Mapping[str, Server]
    variables: Mapping[str, str]
    """What all hosts know: the account, and the warehouse that they share."""


@contextmanager
def open_cluster(
    folder: Path,
    api: SandboxServer,
    port: int,
    network: Network | None = None,
    days_per_run: int = DAYS_PER_RUN,
) -> Iterator[Cluster]:
    """Start a cluster with everything that it needs, and stop it all with the block. Raises click.ClickException.

    Dagster's page is on a `port` of loopback; without a `network`, the hosts are on loopback, too.
    """
    network = network or Network()
    with ExitStack() as running:
        click.echo("Starting PostgreSQL, an object storage and a broker from Python wheels.", err=True)
        services = running.enter_context(run_services(folder / "services", network.address))
        variables = _variables(api, services, days_per_run)
        hosts = [Host(name, folder / name, network.prefixes.get(name, ())) for name in HOSTS]
        workers = {host.name: make_worker(host, services, variables) for host in hosts}
        click.echo("Starting Dagster, and two workers with folders of their own.", err=True)
        front = make_front(Host("front", folder / "front"), services, variables, port)
        start_all(running, [front])  # first, as it creates Dagster's tables: two processes that do so at once fail
        start_all(running, list(workers.values()))
        page = f"http://{LOOPBACK}:{port}"
        yield Cluster(page, running.enter_context(closing(DagsterApi(page))), hosts, workers, variables)


def _variables(api: SandboxServer, services: Services, days_per_run: int) -> dict[str, str]:
    """Return the variables that all hosts have: the account, and the warehouse that they share."""
    return {
        "COUPONTOOLS_API_URL": api.url,
        "COUPONTOOLS_CLIENT_ID": api.client_id,
        "COUPONTOOLS_CLIENT_SECRET": api.client_secret,
        "COUPONTOOLS_DAYS_PER_RUN": str(days_per_run),
        "COUPONTOOLS_WAREHOUSE": services.database_url("warehouse"),
        "COUPONTOOLS_STORAGE": f"s3://{BUCKET}/demo",
        **services.storage_variables,
    }


def export(dagster: DagsterApi) -> list[Run]:
    """Read the tables, days in several runs, and publish; returns the runs. Raises click.ClickException."""
    yesterday = utc_today() - timedelta(days=1)
    days = list_days(yesterday - timedelta(days=DAYS - 1), yesterday)
    of_days = [key.to_user_string() for asset in ASSETS.values() if asset.partitions_def == daily for key in asset.keys]
    others = [key.to_user_string() for asset in ASSETS.values() if asset.partitions_def is None for key in asset.keys]
    click.echo(f"Reading the last {DAYS} days, {DAYS_PER_RUN} in each run, and all tables without days.", err=True)
    backfill = dagster.launch_backfill(of_days, list(map(str, days)))
    dagster.wait_for(dagster.launch_assets(others), MAX_SECONDS)
    dagster.wait_for_backfill(backfill, DAYS // DAYS_PER_RUN, MAX_SECONDS)
    dagster.wait_for(dagster.launch_job("publish"), MAX_SECONDS)
    return dagster.runs()
