"""The machine's clock is wrong, or is set, or passes midnight, while tables are read."""

from datetime import timedelta
from pathlib import Path

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.utc import utc_today
from tests.conftest import Serve
from tests.support.accounts import campaign, loyalty_user, session
from tests.support.clock import MachineClock
from tests.support.moving_account import MovingAccount
from tests.support.queries import in_database
from tests.support.runs import export_only
from tests.support.table_assets import coupon_sessions, loyalty_users


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


def test_a_range_that_is_over_before_its_last_page_is_read_again_as_its_list_may_have_moved(
    serve: Serve, data_dir: Path, clock: MachineClock
) -> None:
    today = utc_today()
    sessions = [session(number, created=f"{today} 00:{number:02}:00") for number in range(1, 36)]
    made = MovingAccount("data", [campaign()], {"cam_1": sessions})
    serve(made, session_page_size=10, amount_meaning="page")

    def pass_midnight() -> None:
        made.remove_session(session(3)["session"])
        clock.ahead = timedelta(days=1)

    made.after[2] = pass_midnight  # the first answer says that there are no older sessions
    export_only(coupon_sessions, start=f"{today - timedelta(days=60)}", end=f"{today}")
    rows = in_database(data_dir, "SELECT sequence_id FROM coupon_sessions")
    assert {int(number) for (number,) in rows} >= {*range(1, 36)} - {3}


def test_changes_that_were_kept_stay_when_the_clock_is_behind_for_a_run(
    serve: Serve, data_dir: Path, clock: MachineClock, caplog: pytest.LogCaptureFixture
) -> None:
    made = HandmadeAccount(loyalty_cards=[{"ID": "9", "name": "Club"}])
    serve(made)
    for points in ("10", "60", "10", "60", "10"):
        made.put_record("loyalty_users", loyalty_user(1, points=points), "9")
        export_only(loyalty_users)
    assert "clock" not in caplog.text
    clock.ahead = timedelta(days=-30)
    made.put_record("loyalty_users", loyalty_user(1, points="25"), "9")
    export_only(loyalty_users)
    assert "loyalty_users: The clock of this machine says" in caplog.text
    clock.ahead = timedelta(0)
    export_only(loyalty_users)
    query = "SELECT points_before::INT, points_after::INT FROM loyalty_user_changes ORDER BY observed_at"
    assert in_database(data_dir, query) == [(10, 25), (10, 60), (60, 10), (10, 60), (60, 10)]
