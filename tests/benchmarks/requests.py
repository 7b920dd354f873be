"""Counts what an export asks of the API, for two accounts that have little to tell.

A quiet day of 500 campaigns of which 300 have ended; and 3,000 campaigns with two sessions each within two days.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import pytest

from pipelines.export import export_days, export_everything
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.server import SandboxServer
from tests.support.accounts import campaign, session
from tests.support.runs import served

CAMPAIGNS, ENDED = 500, 300
SMALL_CAMPAIGNS = 3_000
TWO_DAYS = (date(2026, 10, 13), date(2026, 10, 14))
NOON = time_of_day(12)
SUNDAY = 6
TODAY = datetime.now(UTC).date()
QUIET_DAY = TODAY - timedelta(days=TODAY.weekday() == SUNDAY)
"""A day whose Sunday is still to come, so that ended campaigns can wait for it."""


def count_requests() -> Iterator[tuple[str, int, float]]:
    """Yield for each export what it is, its requests, and its seconds on loopback."""
    with _folder() as folder, served(_quiet_account(), folder) as server, pytest.MonkeyPatch.context() as patch:
        yield f"a quiet day of {CAMPAIGNS} campaigns", *_measure(server, QUIET_DAY, QUIET_DAY)
        patch.setenv("COUPONTOOLS_ENDED_CAMPAIGNS", "weekly")
        yield f"the same, its {ENDED} ended campaigns weekly", *_measure(server, QUIET_DAY, QUIET_DAY)
    with _folder() as folder, served(_small_campaigns(), folder) as server:
        yield f"two days of {SMALL_CAMPAIGNS:,} campaigns", *_measure(server, *TWO_DAYS)
        yield "the same account with --full", *_measure(server)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _quiet_account() -> HandmadeAccount:
    campaigns = [campaign(n, status="expired" if n <= ENDED else "active") for n in range(1, CAMPAIGNS + 1)]
    return HandmadeAccount(campaigns, {f"cam_{CAMPAIGNS}": [session(1, created=datetime.combine(QUIET_DAY, NOON))]})


def _small_campaigns() -> HandmadeAccount:
    numbers = range(1, SMALL_CAMPAIGNS + 1)
    sessions = {
        f"cam_{n}": [session(2 * n + i, created=datetime.combine(day, NOON)) for i, day in enumerate(TWO_DAYS)]
        for n in numbers
    }
    return HandmadeAccount([campaign(n) for n in numbers], sessions)


def _measure(server: SandboxServer, *days: date) -> tuple[int, float]:
    before, begun = len(server.requests), time.perf_counter()
    if days:
        export_days(*days)
    else:
        export_everything()
    return len(server.requests) - before, time.perf_counter() - begun
