"""Day by day while the account goes on: in the end the tables are those of one read of everything."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from tests.conftest import Serve
from tests.support.accounts import campaign, session
from tests.support.queries import in_database
from tests.support.runs import export_only, export_sessions, ingest_only, publish_only
from tests.support.table_assets import coupon_sessions, directory_registrations

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 7)
ONE_DAY = timedelta(days=1)
NOT_IN_ANY_WINDOW = ("is_voided", "voided_at", "is_locked", "is_saved_to_apple_wallet", "is_played", "played_at")
"""Columns whose change puts a session into no list of a window."""


def sessions(data_dir: Path) -> dict[str, dict[str, Any]]:
    """The sessions by id, but for when they were read."""
    query = "SELECT * EXCLUDE (_extracted_at) FROM coupon_sessions"
    names = [row[0] for row in in_database(data_dir, f"DESCRIBE {query}")]
    rows = [dict(zip(names, row, strict=True)) for row in in_database(data_dir, query)]
    return {row["session_id"]: row for row in rows}


def registered(data_dir: Path) -> set[tuple[Any, ...]]:
    """The registrations by what does not change."""
    query = "SELECT directory_id, registration_id, registered_at, email FROM directory_registrations"
    return set(in_database(data_dir, query))


def test_day_by_day_leads_to_the_tables_of_one_full_read(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = Clock.frozen(datetime.combine(FIRST, time.min))
    serve(
        GeneratedAccount(seed=11, sessions=3_000, campaigns=3),
        clock=clock,
        session_page_size=200,
        registration_page_size=200,
    )
    assets = (coupon_sessions, directory_registrations)
    export_only(*assets, start="2020-01-01", end=str(FIRST - ONE_DAY))
    before = sessions(data_dir)
    days = [FIRST + n * ONE_DAY for n in range((LAST - FIRST).days + 1)]
    windows = [(day, day) for day in days]
    windows[3:6] = [(days[3], days[5])]  # two days were missed
    windows.insert(5, (days[4], days[6]))  # and some are read twice
    for start, end in windows:
        quarter_past_midnight = datetime.combine(end + ONE_DAY, time(0, 15))
        clock.set(max(clock.now(), min(quarter_past_midnight, datetime.combine(LAST, time(23, 59, 59)))))
        ingest_only(*assets, start=str(start), end=str(end))
    publish_only(*assets)
    increments = sessions(data_dir)

    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(tmp_path / "whole"))
    export_only(*assets, full=True)
    full = sessions(tmp_path / "whole")
    assert increments.keys() == full.keys()
    assert len(increments) > len(before)
    stale = {
        name: {column for column in row if row[column] != full[name][column]} - {*NOT_IN_ANY_WINDOW}
        for name, row in increments.items()
    }
    reset = {name for name, columns in stale.items() if "validated_at" in columns and increments[name]["validated_at"]}
    assert {name for name, columns in stale.items() if columns} == reset
    assert sum(row != before[name] for name, row in increments.items() if name in before) > 2

    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(data_dir))
    assert registered(data_dir) >= registered(tmp_path / "whole")
    export_only(*assets, full=True)
    assert sessions(data_dir) == full, "the full read heals what windows cannot show"
    live = "SELECT * EXCLUDE (_extracted_at) FROM directory_registrations WHERE _deleted_at IS NULL ORDER BY ALL"
    assert in_database(data_dir, live) == in_database(tmp_path / "whole", live)


def test_a_full_read_heals_what_no_window_shows(serve: Serve, data_dir: Path) -> None:
    claimed = {"claimed": "1", "claim_date_utc": "2026-01-02 10:00:00"}
    made = HandmadeAccount([campaign()], {"cam_1": [session(n, status=claimed) for n in range(4)]})
    serve(made)
    export_sessions(date(2026, 1, 1), date(2026, 1, 31))
    ids = [session(n)["session"] for n in range(4)]
    made.replace_session(ids[0], session(0, status=claimed | {"voided": "1", "voided_date_utc": "2026-02-03 00:00:00"}))
    made.replace_session(ids[1], session(1))
    made.replace_session(ids[2], session(2, status=claimed | {"locked": "1"}))
    made.remove_session(ids[3])
    stale = sessions(data_dir)
    export_sessions(date(2026, 2, 1), date(2026, 2, 28))
    assert sessions(data_dir) == stale
    export_only(coupon_sessions, full=True)
    stored = sessions(data_dir)
    assert stored[ids[0]]["voided_at"] == datetime(2026, 2, 3)
    assert stored[ids[1]]["claimed_at"] is None
    assert stored[ids[2]]["is_locked"]
    assert stored[ids[3]]["claimed_at"]
    assert [name for name, row in stored.items() if row["_deleted_at"]] == [ids[3]]


def test_an_older_observation_that_comes_later_changes_nothing(serve: Serve, data_dir: Path) -> None:
    made = HandmadeAccount([campaign()], {"cam_1": [session(1)]})
    serve(made)
    ingest_only(coupon_sessions, start="2026-01-01", end="2026-01-31")
    opened = {"opened": "1", "open_date_utc": "2026-01-31 23:59:59"}
    made.replace_session(session(1)["session"], session(1, status=opened))
    export_sessions(date(2026, 2, 1), date(2026, 2, 28))
    assert not any(row["is_opened"] for row in sessions(data_dir).values()), "it was opened on another day"
    ingest_only(coupon_sessions, start="2026-01-31", end="2026-02-01")
    export_sessions(date(2026, 1, 1), date(2026, 1, 1))
    assert [row["opened_at"] for row in sessions(data_dir).values()] == [datetime(2026, 1, 31, 23, 59, 59)]


@pytest.mark.parametrize("moment", ["2026-01-31 00:00:00", "2026-01-31 23:59:59"])
def test_the_first_and_the_last_second_of_a_day_belong_to_it_alone(serve: Serve, data_dir: Path, moment: str) -> None:
    serve(HandmadeAccount([campaign()], {"cam_1": [session(1, created=moment)]}))
    for day in ("2026-01-30", "2026-02-01"):
        ingest_only(coupon_sessions, start=day, end=day)
    publish_only(coupon_sessions)
    assert not sessions(data_dir)
    export_sessions(date(2026, 1, 31), date(2026, 1, 31))
    assert len(sessions(data_dir)) == 1
