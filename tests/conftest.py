"""Fixtures for all tests: a sandbox on loopback, an environment that names it, a folder to write to, and Dagster."""

import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import click
import dagster as dg
import pytest
from hypothesis import settings

from pipelines.cluster.services import Services, find_programs, run_services
from resources.sandbox.account.account import Account
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.faults import Faults
from resources.sandbox.server.server import SandboxServer

Serve = Callable[..., SandboxServer]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses what holds the warehouse of tests that are about no files of it."""
    parser.addoption("--engine", choices=["files", "lake"], default="files", help="what holds the tested warehouse")


def pytest_configure() -> None:
    """Clear the developer's settings before a module is imported that reads them then."""
    for name in _names_of_settings():
        del os.environ[name]
    # without bytecode, each process that a test starts would compile Dagster anew: two thirds of its processor time
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Dagster's objects, and those of the modules of all tests, stay to the end: collecting them over and over is slow
    gc.set_threshold(500_000)
    # how long an example takes depends on the machine's load, and on nothing that is tested
    settings.register_profile("without a deadline", deadline=None)
    settings.load_profile("without a deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the test that mostly waits, for Dagster's daemon, so that the others run meanwhile."""
    items.sort(key=lambda item: item.path.name != "test_daemon.py")


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """PostgreSQL, an object storage and a broker from wheels, for all tests of a session; without them tests skip."""
    try:
        find_programs()
    except click.ClickException as missing:
        pytest.skip(missing.message)
    with run_services(tmp_path_factory.mktemp("services")) as running:
        yield running


def pytest_unconfigure() -> None:
    """Take away the callback that Hypothesis leaves with the garbage collector.

    It outlives all modules, and with it whatever the tests have imported: DuckDB reports that as leaked, in lines that
    follow pytest's last one.
    """
    gc.callbacks.clear()


@pytest.fixture(autouse=True)
def _settings_of_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Begin with no settings but a folder and no waiting, whatever a fixture of a module has set."""
    for name in _names_of_settings():
        monkeypatch.delenv(name)
    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COUPONTOOLS_RETRY_WAIT", "0.01")


def _names_of_settings() -> list[str]:
    return [name for name in os.environ if name.startswith("COUPONTOOLS_") or name == "DAGSTER_HOME"]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance of Dagster in memory."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="session")
def stopping() -> Iterator[Executor]:
    """Stop servers beside the tests: each takes a fifth of a second, which no test needs to wait for."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, stopping: Executor) -> Iterator[Serve]:
    """Start a sandbox for an account, named by the environment; a later call replaces it at the same address.

    Another address would be another account.
    """
    running, port = ExitStack(), 0

    def start(
        account: Account | None = None, clock: Clock | None = None, faults: Faults | None = None, **assumed: object
    ) -> SandboxServer:
        nonlocal port
        running.close()
        assumptions = Assumptions.model_validate(assumed)
        server = SandboxServer(account or HandmadeAccount(), assumptions, clock, faults, port)
        port = urlsplit(server.url).port or 0
        running.enter_context(server)
        monkeypatch.setenv("COUPONTOOLS_API_URL", server.url)
        monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", server.client_id)
        monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", server.client_secret)
        return server

    yield start
    stopping.submit(running.close)
