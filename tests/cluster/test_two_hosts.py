"""Dagster on two hosts, network namespaces where the machine allows them: either one runs what is launched.

What a dead one had begun the other one finishes.
"""

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

pytest.importorskip("dagster_celery", reason="run it with uv run --group cluster pytest tests/cluster")

from pipelines.cluster.demo import HOSTS, Cluster, open_cluster
from pipelines.cluster.hosts import Network
from pipelines.schedules import daily_export
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.warehouse import Warehouse
from tests.support.accounts import campaign, loyalty_user, session
from tests.support.backfill_kills import PHASES, KilledBackfill
from tests.support.dagster_dev import wait_until
from tests.support.network import connect
from tests.support.ports import find_free_port
from tests.support.schedules import start_in_the_past
from tests.support.years import DAYS_OF_A_RANGE, Year

TICK = datetime.now(UTC).replace(hour=0, minute=15, second=0, microsecond=0)
"""The last tick of the daily schedule; in the first minutes of a day it is still to come, and the one before counts."""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with connect(*HOSTS) as made:
        yield made


@pytest.fixture(scope="module")
def account() -> HandmadeAccount:
    return HandmadeAccount()


@pytest.fixture(scope="module")
def api(network: Network, account: HandmadeAccount) -> Iterator[SandboxServer]:
    with SandboxServer(account, host=network.address) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(network: Network, api: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with open_cluster(folder, api, find_free_port(), network, DAYS_OF_A_RANGE) as running:
        yield running


@pytest.fixture
def warehouse(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """The warehouse that the hosts share, as a third one sees it, which the environment names."""
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)
    with closing(Warehouse()) as seen:
        yield seen


@pytest.fixture
def instance(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance of the hosts, in PostgreSQL."""
    host = cluster.hosts[0]
    for name, value in cluster.workers[host.name].variables.items():
        if name.startswith("DAGSTER_"):
            monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(host.dagster_home)) as made:
        yield made


def published(warehouse: Warehouse, query: str) -> list[tuple[object, ...]]:
    with warehouse.engine.open_published() as connection:
        return connection.execute(query).fetchall()


def test_what_the_daily_schedule_and_the_sensors_request_is_exported(
    cluster: Cluster, account: HandmadeAccount, instance: dg.DagsterInstance, warehouse: Warehouse
) -> None:
    tick = TICK if datetime.now(UTC) > TICK else TICK - timedelta(days=1)
    yesterday = tick.replace(tzinfo=None) - timedelta(days=1)
    account.put_campaign(campaign(1))
    account.set_sessions("cam_1", [session(number, created=yesterday) for number in range(500, 600)])
    account.put_record("loyalty_cards", {"id": 7, "name": "New card"})
    account.set_records("loyalty_users", [loyalty_user(1)], "7")
    start_in_the_past(instance, daily_export, tick - timedelta(hours=1))

    def ended(what: str) -> list[str]:
        return [run.status for run in cluster.dagster.runs() if run.what == what and run.has_ended]

    for requested in ("export", "export_loyalty_users", "published_database"):
        wait_until(lambda what=requested: bool(ended(what)), seconds=300)  # type: ignore[misc]
        assert set(ended(requested)) == {"SUCCESS"}
    (export,) = (run for run in cluster.dagster.runs() if run.what == "export")
    assert export.days == str(yesterday.date())
    day = "SELECT created_at::DATE::VARCHAR, count(*), count(DISTINCT session_id) FROM coupon_sessions GROUP BY ALL"
    assert published(warehouse, day) == [(export.days, 100, 100)]
    assert published(warehouse, "SELECT loyalty_card_id, name FROM loyalty_cards") == [("7", "New card")]
    assert published(warehouse, "SELECT loyalty_user_id, loyalty_card_id FROM loyalty_users") == [("1", "7")]


def test_what_dead_workers_had_begun_is_finished_and_readers_see_whole_states(
    cluster: Cluster,
    api: SandboxServer,
    account: HandmadeAccount,
    instance: dg.DagsterInstance,
    warehouse: Warehouse,  # noqa: ARG001
) -> None:
    """The last one is not started again, so that the other host runs what it had begun."""
    backfill = KilledBackfill(cluster, instance, account, Year(2 * DAYS_OF_A_RANGE), random.Random(1))
    backfill.export()
    api.faults.add(Fault("stall", path="v3/campaign/*", times=None, seconds=1))
    with backfill.read_in_a_loop():
        backfill.begin()
        for phase in PHASES:  # tests/benchmarks/backfill_kills.py has more of them
            for before in backfill.kills[-1:]:
                cluster.workers[before.host].launch()
            assert backfill.kill_in(phase)
        backfill.finish()
    assert not backfill.reads["torn"]
    killed = {kill.run_id for kill in backfill.kills}
    wait_until(lambda: {run.status for run in cluster.dagster.runs() if run.id in killed} == {"FAILURE"}, seconds=300)
    last = backfill.kills[-1]
    of_last = dg.RunsFilter(tags={"dagster/parent_run_id": last.run_id})
    wait_until(lambda: any(run.is_finished for run in instance.get_runs(of_last)), seconds=300)
    again = instance.get_runs(of_last)
    assert [run.status.value for run in again] == ["SUCCESS"]
    assert backfill.host_of(again[0]) not in ("", last.host)
