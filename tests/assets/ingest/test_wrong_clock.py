"""The machine's clock is wrong, or is set, or passes midnight, while tables are read."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.support.accounts import campaign, session
from tests.support.clock import MachineClock
from tests.support.moving_account import MovingAccount
from tests.support.queries import in_database
from tests.support.runs import export_only
from tests.support.table_assets import coupon_sessions


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MachineClock:
    return MachineClock(monkeypatch)


def test_what_a_full_read_brings_is_live_although_the_clock_was_set_back_meanwhile(
    serve: Serve, data_dir: Path, clock: MachineClock
) -> None:
    sessions = [session(number, created=f"2026-01-01 00:{number:02}:00") for number in range(1, 36)]
    made = MovingAccount("data", [campaign()], {"cam_1": sessions})
    serve(made, session_page_size=10)
    export_only(coupon_sessions, full=True)

    def set_clock(seconds: int) -> None:
        clock.ahead = timedelta(seconds=seconds)

    first = made.answered + 1
    made.after = {first: lambda: set_clock(-60), first + 1: lambda: set_clock(0)}  # as if a minute had passed
    assert export_only(coupon_sessions, full=True)["coupon_sessions"]["rows deleted"] == 0
    assert in_database(data_dir, "SELECT count(*), count(_deleted_at) FROM coupon_sessions") == [(35, 0)]
