"""Dagster on two hosts, network namespaces where the machine allows them: either one runs what is launched.

What a dead one had begun the other one finishes.
"""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

pytest.importorskip("dagster_celery", reason="run it with uv run --group cluster pytest tests/cluster")

from pipelines.cluster.dagster_api import Run
from pipelines.cluster.demo import HOSTS, Cluster, open_cluster
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.resource import WarehouseResource
from tests.support.accounts import account
from tests.support.dagster_dev import wait_until
from tests.support.network import Network, connect

SESSIONS = 3_000
"""A minute apart, over three days of January 2026."""
DAYS = ["2026-01-01", "2026-01-03"]
PUBLISHED = "SELECT count(*), count(DISTINCT session_id) FROM coupon_sessions"


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with connect(*HOSTS) as made:
        yield made


@pytest.fixture(scope="module")
def api(network: Network) -> Iterator[SandboxServer]:
    made = account({1: SESSIONS})
    made.put_record("loyalty_cards", {"id": 7, "name": "New card"})
    with SandboxServer(made, host=network.address) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(network: Network, api: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("cluster")
    with open_cluster(folder, api, port, network.address, network.prefixes) as running:
        yield running


@pytest.fixture
def warehouse(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarehouseResource]:
    """The warehouse that the hosts share, as a third one sees it."""
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)
    with closing(WarehouseResource()) as seen:
        yield seen


def published(warehouse: WarehouseResource, query: str) -> list[tuple[object, ...]]:
    with warehouse.engine.open_published() as connection:
        return connection.execute(query).fetchall()


def host_of(cluster: Cluster, run: Run) -> str:
    """The host on which a run has its log; empty as long as none has it."""
    return next((host.name for host in cluster.hosts if (host.dagster_home / "storage" / run.id).exists()), "")


def test_what_sensors_and_the_daily_schedule_request_is_exported(
    cluster: Cluster, warehouse: WarehouseResource
) -> None:
    cluster.dagster.wait_for(cluster.dagster.launch_job("export", {"dagster/partition": "2026-01-02"}), 300)

    def of_new_cards() -> list[str]:
        return [run.status for run in cluster.dagster.runs() if run.what == "export_loyalty_users"]

    wait_until(lambda: of_new_cards() == ["SUCCESS"], seconds=200)
    assert published(warehouse, "SELECT loyalty_card_id, name FROM loyalty_cards") == [("7", "New card")]
    ((rows, keys),) = published(warehouse, PUBLISHED)
    assert rows == keys == 1_440


def test_what_a_host_that_dies_had_begun_the_other_one_finishes(
    cluster: Cluster, api: SandboxServer, warehouse: WarehouseResource
) -> None:
    api.faults.add(Fault("stall", path="v3/campaign/*", times=None, seconds=20))
    backfill = cluster.dagster.launch_backfill(["coupon_sessions", "coupon_session_changes"], DAYS)

    def begun() -> list[Run]:
        runs = [run for run in cluster.dagster.runs() if run.backfill == backfill]
        return [run for run in runs if run.status == "STARTED" and host_of(cluster, run)]

    wait_until(lambda: bool(begun()), seconds=200)
    victim = begun()[0]
    cluster.workers[host_of(cluster, victim)].kill()
    api.faults.clear()
    wait_until(lambda: published(warehouse, PUBLISHED) == [(SESSIONS, SESSIONS)], seconds=300)
    runs = {run.id: run for run in cluster.dagster.runs()}
    assert runs[victim.id].status == "FAILURE"
    others = [run for run in runs.values() if run.days == victim.days and run.status == "SUCCESS"]
    assert host_of(cluster, others[0]) not in ("", host_of(cluster, victim))
