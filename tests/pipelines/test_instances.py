"""The settings of Dagster's instance: what is recommended for one host, and for several."""

import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import grpc
import pytest
import yaml
from dagster._daemon.monitoring.concurrency import execute_concurrency_slots_iteration
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

import pipelines
from assets.policies import API_POOL
from tests.support.forked import Forked

FOLDER = Path(pipelines.__path__[0])


def settings(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text("utf-8")))


@pytest.mark.parametrize("section", ["telemetry", "nux", "concurrency", "retention"])
def test_an_instance_of_several_hosts_limits_and_keeps_what_one_of_one_host_does(section: str) -> None:
    assert settings("dagster-cluster.yaml")[section] == settings("dagster.yaml")[section]


@pytest.mark.parametrize("name", ["dagster-cluster.yaml", "celery.yaml"])
def test_addresses_with_passwords_come_from_the_environment(name: str) -> None:
    given = str(settings(name))
    assert "'broker': {'env': 'DAGSTER_BROKER'}, 'backend': {'env': 'DAGSTER_BROKER'}" in given
    assert "://" not in given


@dg.op(pool=API_POOL)
def killed_in_its_place() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dg.job
def killed() -> None:
    killed_in_its_place()


def run_killed(home: str) -> None:
    with dg.DagsterInstance.from_config(home) as instance:
        killed.execute_in_process(instance=instance)


def test_a_run_that_was_killed_gives_back_its_place_in_a_pool(tmp_path: Path) -> None:
    """Without that, two killed runs keep all later ones waiting for good."""
    recommended = settings("dagster.yaml")
    for monitoring in (settings("dagster-cluster.yaml")["run_monitoring"], recommended["run_monitoring"]):
        assert 0 < monitoring["free_slots_after_run_end_seconds"] <= 30
        monitoring["free_slots_after_run_end_seconds"] = 1
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(recommended), "utf-8")
    Forked(run_killed, str(tmp_path)).wait()
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        (run,) = instance.get_runs()
        instance.report_run_failed(run)
        assert places_taken(instance) == 1
        time.sleep(1.1)
        daemon: Any = SimpleNamespace(instance=instance)
        list(execute_concurrency_slots_iteration(daemon, logging.getLogger()))
        assert places_taken(instance) == 0


@contextmanager
def code_server(socket: Path) -> Iterator[None]:
    """A server that answers at a socket, if only that it knows no question."""
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()


def test_a_run_that_was_killed_together_with_dagster_is_marked_as_failed(tmp_path: Path) -> None:
    """Without that, nothing is published, as a run seems to work on a table, and two such runs stop all later ones."""
    (tmp_path / "dagster.yaml").write_text((FOLDER / "dagster.yaml").read_text("utf-8"), "utf-8")
    socket = tmp_path / "socket"
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        address = json.dumps({"host": "localhost", "socket": str(socket)})
        run = instance.create_run_for_job(
            killed, tags={".dagster/grpc_info": address}, status=dg.DagsterRunStatus.STARTED
        )

        def status_once_it_was_looked_after() -> dg.DagsterRunStatus:
            daemon: Any = SimpleNamespace(instance=instance, create_request_context=lambda: None)
            assert not any(execute_run_monitoring_iteration(daemon, logging.getLogger())), "no error"
            (looked_after,) = instance.get_runs(dg.RunsFilter(run_ids=[run.run_id]))
            return looked_after.status

        with code_server(socket):
            assert status_once_it_was_looked_after() == dg.DagsterRunStatus.STARTED
        assert status_once_it_was_looked_after() == dg.DagsterRunStatus.FAILURE
        messages = [entry.user_message or entry.message for entry in instance.all_logs(run.run_id)]
        assert any("Start it again: it goes on where it stopped." in message for message in messages)


def places_taken(instance: dg.DagsterInstance) -> int:
    return int(instance.event_log_storage.get_concurrency_info(API_POOL).active_slot_count)
