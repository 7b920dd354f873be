"""Sandboxes to test: a generated account for reading, and others as a test asks for."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.server import SandboxServer
from tests.resources.sandbox.api import NOW, Api, campaign, session

Serve = Callable[..., Api]


@pytest.fixture(scope="session")
def generated() -> Iterator[Api]:
    """A generated account of 3,000 sessions at a fixed moment, for tests that change nothing."""
    with Api(SandboxServer(GeneratedAccount(seed=1, sessions=3000), clock=Clock.frozen(NOW))) as api:
        yield api


@pytest.fixture
def serve(stopping: Executor) -> Iterator[Serve]:
    """Serve an account until the end of the test; further arguments are fields of Assumptions."""
    started: list[Api] = []

    def start(account: GeneratedAccount | HandmadeAccount, *, clock: Clock | None = None, **options: Any) -> Api:
        server = SandboxServer(account, Assumptions(**options), clock or Clock.frozen(NOW))
        started.append(Api(server).__enter__())
        return started[-1]

    yield start
    for api in started:
        stopping.submit(api.__exit__, None, None, None)


@pytest.fixture
def five() -> HandmadeAccount:
    """One campaign of five sessions, s1 to s5, created on the first five days of 2026."""
    return HandmadeAccount([campaign()], {"cam_1": [session(f"s{n}", f"2026-01-0{n} 12:00:00") for n in range(1, 6)]})
