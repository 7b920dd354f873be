"""What becomes of runs whose database or storage is away: a run of Dagster is tried again, and none waits for ever."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

psycopg = pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

from assets import policies
from pipelines.cluster.server import Server
from pipelines.cluster.services import Services, run_services
from pipelines.definitions import defs
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.dagster_dev import wait_until
from tests.support.lakes import make_lake
from tests.support.network import connect, cut_cables
from tests.support.runs import publish_only
from tests.support.small_table import merge, publish, thing
from tests.support.table_assets import coupon_sessions

SECONDS_AWAY = 4.0
ROWS = "SELECT count(*), count(DISTINCT session_id) FROM coupon_sessions"

READ_WITH_SHORT_KEEPALIVES = """
import sys
from resources.warehouse.lake import session
session.KEEPALIVES |= {"keepalives_idle": 1, "keepalives_interval": 1, "tcp_user_timeout": 3_000}
from resources.warehouse.warehouse import Warehouse
with Warehouse().engine.open_published() as connection:
    print("open", flush=True)
    sys.stdin.readline()
    connection.execute("FROM things").fetchall()
"""


@pytest.fixture
def api(serve: Serve, lake: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> SandboxServer:  # noqa: ARG001
    """An account that is exported into a lake, by steps that are tried again every few seconds."""
    monkeypatch.setattr(policies, "RETRY_WAITS", (12, *[4] * 20))
    return serve(account({1: 50}))


@pytest.mark.parametrize("name", ["storage", "postgres"])
def test_a_run_that_reads_meanwhile_goes_on_once_it_is_back_and_loses_no_row(
    api: SandboxServer, services: Services, name: str
) -> None:
    api.faults.add(Fault("stall", path="v3/campaign/*", times=2, seconds=2))
    with ThreadPoolExecutor(1) as pool:
        export = pool.submit(run, "export", partition_key="2026-01-01", asset_selection=list(coupon_sessions.keys))
        wait_until(lambda: api.faults.hits["stall"] > 0, seconds=60)
        back_at = be_away(getattr(services, name))
        failures = export.result(120)
    assert failures
    for failed_at, said in failures:
        assert failed_at < back_at, said
        assert "was lost" in said or "does not answer" in said
    publish_only(coupon_sessions)
    with closing(Warehouse()) as warehouse, warehouse.engine.open_published() as connection:
        assert connection.execute(ROWS).fetchall() == [(50, 50)]


@pytest.mark.usefixtures("api")
def test_checks_that_would_ask_the_stage_meanwhile_do_so_once_it_is_back(services: Services) -> None:
    with ThreadPoolExecutor(1) as pool:
        publish = pool.submit(run, "publish")
        back_at = be_away(services.postgres)
        failures = publish.result(120)
    assert failures
    assert max(failed_at for failed_at, _ in failures) < back_at


def test_a_database_that_vanishes_while_duckdb_waits_for_it_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect("one") as network:
        if not network.prefixes:
            pytest.skip("this machine does not allow network namespaces")
        with run_services(tmp_path / "services", network.address) as services:
            for name, value in make_lake(services).items():
                monkeypatch.setenv(name, value)
            with closing(Warehouse()) as warehouse:
                merge(warehouse, thing("a"))
                publish(warehouse)
            command = [*network.prefixes["one"], sys.executable, "-c", READ_WITH_SHORT_KEEPALIVES]
            pipe = subprocess.PIPE
            with (
                psycopg.connect(os.environ["COUPONTOOLS_WAREHOUSE"]) as connection,
                subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as reader,
            ):
                assert reader.stdin
                assert reader.stdout
                assert reader.stdout.readline() == "open\n"
                connection.execute("LOCK TABLE coupontools.ducklake_snapshot IN ACCESS EXCLUSIVE MODE")
                reader.stdin.write("\n")
                reader.stdin.flush()
                time.sleep(SECONDS_AWAY)  # until its question has come, and waits
                cut_cables()
                try:
                    said = reader.communicate(timeout=30)[1]
                finally:
                    reader.kill()
    assert "does not answer" in said.splitlines()[-1]


def be_away(server: Server) -> float:
    """Stop a server for some seconds; returns when it was back."""
    server.stop()
    time.sleep(SECONDS_AWAY)
    server.start()
    return time.time()


def run(job: str, **chosen: Any) -> list[tuple[float, str]]:
    """Run a job, which must succeed; returns when its steps failed before, and why."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def(job).execute_in_process(instance=instance, **chosen)
        assert result.success
        again = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY)
    return [(entry.timestamp, str(entry.get_dagster_event().step_retry_data.error)) for entry in again]
