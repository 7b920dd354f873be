"""A host that is killed leaves the lake whole, and the other one does the rest."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

from pipelines.cluster.services import Services
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.server import SandboxServer
from tests.support.host_kills import KilledHosts
from tests.support.lakes import make_lake
from tests.support.runs import served_at


@pytest.fixture
def hosts(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KilledHosts]:
    account = HandmadeAccount()
    with SandboxServer(account) as server:
        for name, value in {**make_lake(services), **served_at(server)}.items():
            monkeypatch.setenv(name, value)
        yield KilledHosts(tmp_path, account, server, random.Random(1))


def test_a_host_that_is_killed_loses_and_doubles_nothing_and_readers_see_whole_states(hosts: KilledHosts) -> None:
    hosts.begin()
    with hosts.read_in_a_loop():
        for phase in ("merge", "publish"):  # tests/benchmarks/kills.py has more of them
            hosts.kill_in(phase)
    assert hosts.kills
    assert not hosts.torn
    assert hosts.reads
