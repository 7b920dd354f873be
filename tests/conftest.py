"""What the tests share: a real sandbox on loopback, an environment that names it, and a folder to write to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from resources.sandbox.account.account import Account
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.faults import Faults
from resources.sandbox.server.server import SandboxServer

Serve = Callable[..., SandboxServer]


@pytest.fixture(autouse=True)
def _no_environment_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("API_URL", "CLIENT_ID", "CLIENT_SECRET", "START_DATE", "CONCURRENCY", "REQUESTS_PER_SECOND"):
        monkeypatch.delenv(f"COUPONTOOLS_{name}", raising=False)
    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COUPONTOOLS_RETRY_WAIT", "0.01")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a sandbox for an account, and let the environment name it; a later one takes the place of the first.

    It does so at the same address: another one would be another account.
    """
    with ExitStack() as running:
        port = 0

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
