"""Lists that change while they are read: nothing is doubled, nothing is lost, and the run says so."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.account.record import Record
from tests.conftest import Serve
from tests.support.accounts import START, campaign, loyalty_user, registration, session
from tests.support.moving_account import MovingAccount
from tests.support.queries import in_database, in_parquet
from tests.support.runs import export_only, ingest_only
from tests.support.table_assets import coupon_sessions, directory_registrations, loyalty_users

TODAY = datetime.now(UTC).date()


def registrations(numbers: range, start: datetime = START) -> list[Record]:
    return [registration(number, start + timedelta(minutes=number)) for number in numbers]


def keys(data_dir: Path, table: str, column: str) -> list[str]:
    """The keys of a table as often as they are in it, in both forms."""
    ids = sorted(row[0] for row in in_database(data_dir, f"SELECT {column} FROM {table}"))
    assert sorted(row[0] for row in in_parquet(data_dir, table, column)) == ids
    return ids


@pytest.mark.parametrize(
    ("change", "answer", "size"),
    [("arrival", 1, 35), ("deletion", 2, 35), ("deletion", 3, 30), ("both", 2, 30), ("many arrivals", 1, 35),
     ("many deletions", 3, 35)],
)  # fmt: skip
def test_registrations_that_stay_are_read_although_others_come_and_go(
    serve: Serve, data_dir: Path, change: str, answer: int, size: int
) -> None:
    made = MovingAccount(
        "registrations",
        directories=[{"ID": "dir_1", "name": "One"}],
        registrations={"dir_1": registrations(range(1, size + 1))},
    )
    deleted: Iterable[int] = {"deletion": [size - 1], "both": [size - 1], "many deletions": range(size - 7, size)}.get(
        change, []
    )
    added: Iterable[int] = {"arrival": range(100, 101), "both": range(100, 101), "many arrivals": range(100, 125)}.get(
        change, []
    )

    def move() -> None:
        for number in deleted:
            made.remove_record("registrations", f"reg_{number}", "dir_1")
        for number in added:
            made.put_record("registrations", registration(number, START + timedelta(minutes=number)), "dir_1")

    made.after[answer] = move
    serve(made, registration_page_size=10)
    reports = export_only(directory_registrations, start="2026-01-01", end="2026-01-31")
    ids = keys(data_dir, "directory_registrations", "registration_id")
    assert len(ids) == len(set(ids))
    there_all_the_while = {f"reg_{number}" for number in range(1, size + 1)} - {f"reg_{number}" for number in deleted}
    assert there_all_the_while <= set(ids)
    assert set(ids) <= there_all_the_while | {f"reg_{number}" for number in (*deleted, *added)}
    moved = reports["directory_registrations"]["records found by reading again"]
    assert set(ids) >= {f"reg_{number}" for number in added} or not moved


def test_a_registration_that_moves_between_two_pages_in_two_passes_is_read_by_a_third(
    serve: Serve, data_dir: Path
) -> None:
    made = MovingAccount(
        "registrations",
        directories=[{"ID": "dir_1", "name": "One"}],
        registrations={"dir_1": registrations(range(1, 31))},
    )
    end_of_the_first_pass, first_page_again = 4, 5
    made.after = {
        1: lambda: made.remove_record("registrations", "reg_30", "dir_1"),
        end_of_the_first_pass: lambda: made.put_record(
            "registrations", registration(100, START + timedelta(minutes=100)), "dir_1"
        ),
        first_page_again: lambda: made.remove_record("registrations", "reg_29", "dir_1"),
    }
    serve(made, registration_page_size=10)
    export_only(directory_registrations, start="2026-01-01", end="2026-01-31")
    assert made.after == {}
    ids = keys(data_dir, "directory_registrations", "registration_id")
    assert ids == sorted(f"reg_{number}" for number in (*range(1, 31), 100))


def test_a_run_says_that_a_list_moved_and_what_that_brought(
    serve: Serve, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = MovingAccount(
        "registrations",
        directories=[{"ID": "dir_1", "name": "One"}],
        registrations={"dir_1": registrations(range(1, 31))},
    )
    made.after[1] = lambda: made.remove_record("registrations", "reg_30", "dir_1")
    serve(made, registration_page_size=10)
    reports = export_only(directory_registrations, start="2026-01-01", end="2026-01-31")
    assert len(keys(data_dir, "directory_registrations", "registration_id")) == 30
    about_registrations = reports["directory_registrations"]
    assert about_registrations["lists that changed while read"] == 1
    assert about_registrations["records found by reading again"] == 1
    assert "v3/directoryusers/list of directory dir_1 from 2026-01-01 to 2026-01-31 changed while it was read" in (
        caplog.text
    )


def test_a_rejected_record_that_moves_to_the_next_page_is_in_quarantine_once(serve: Serve, data_dir: Path) -> None:
    rejected = registration(21, START + timedelta(minutes=21)) | {"blocked": "maybe"}
    made = MovingAccount(
        "registrations",
        directories=[{"ID": "dir_1", "name": "One"}],
        registrations={"dir_1": [*registrations(range(1, 21)), rejected, *registrations(range(22, 31))]},
    )
    made.after[1] = lambda: made.put_record("registrations", registration(31, START + timedelta(minutes=31)), "dir_1")
    serve(made, registration_page_size=10)
    ingested = export_only(directory_registrations, start="2026-01-01", end="2026-01-31")
    assert ingested["directory_registrations"]["records rejected"] == 1
    assert in_database(data_dir, "SELECT count(*) FROM quarantine") == [(1,)]


WITH_KEY: dict[str, object] = {"blocked": "maybe"}
WITHOUT_KEY: dict[str, object] = {"ID": {"number": 5}}


def with_server_time(rejected: dict[str, object], past_end: str, serve: Serve) -> MovingAccount:
    """Serve 30 registrations on pages of 10, of which one is rejected and says at each answer when that was."""
    made = MovingAccount("registrations", directories=[{"ID": "dir_1", "name": "One"}])

    def tick() -> None:
        timed = registration(5, START + timedelta(minutes=5)) | rejected | {"now": f"answer {made.answered}"}
        made.set_records("registrations", [*registrations(range(1, 5)), timed, *registrations(range(6, 31))], "dir_1")
        made.after[made.answered + 1] = tick

    tick()
    serve(made, registration_page_size=10, past_end=past_end)
    return made


@pytest.mark.parametrize(("rejected", "kept"), [(WITH_KEY, 1), (WITHOUT_KEY, 2)])
@pytest.mark.parametrize("past_end", ["empty", "last_page"])
def test_a_list_with_a_rejected_record_that_differs_in_each_answer_is_read_twice_and_not_more(
    serve: Serve,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    past_end: str,
    rejected: dict[str, object],
    kept: int,
) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_PAGES", "50")
    made = with_server_time(rejected, past_end, serve)
    report = export_only(directory_registrations, start="2026-01-01", end="2026-01-31")["directory_registrations"]
    assert made.answered <= 10
    assert report["lists that changed while read"] == 0
    assert report["records rejected"] == kept
    assert in_database(data_dir, "SELECT count(*) FROM quarantine") == [(kept,)]
    assert len(keys(data_dir, "directory_registrations", "registration_id")) == 29


def test_deletions_are_found_in_a_list_with_a_rejected_record_that_differs_in_each_answer(
    serve: Serve, data_dir: Path
) -> None:
    serve(
        HandmadeAccount(
            directories=[{"ID": "dir_1", "name": "One"}], registrations={"dir_1": registrations(range(1, 36))}
        )
    )
    ingest_only(directory_registrations, full=True)
    with_server_time(WITH_KEY, "empty", serve)
    export_only(directory_registrations, full=True)
    deleted = in_database(
        data_dir, "SELECT registration_id FROM directory_registrations WHERE _deleted_at IS NOT NULL ORDER BY ALL"
    )
    assert deleted == [(f"reg_{number}",) for number in range(31, 36)]


def test_a_list_at_rest_is_read_twice_and_not_more(serve: Serve) -> None:
    server = serve(
        HandmadeAccount(
            directories=[{"ID": "dir_1", "name": "One"}], registrations={"dir_1": registrations(range(230))}
        ),
    )
    reports = ingest_only(directory_registrations, start="2026-01-01", end="2026-01-31")
    pages = [request.parameters["page"] for request in server.requests if request.path == "v3/directoryusers/list"]
    assert pages == [1, 2, 3, 1, 2, 3]
    assert reports["directory_registrations"]["lists that changed while read"] == 0


def test_a_window_of_the_past_is_found_although_the_list_grows_above_it(serve: Serve, data_dir: Path) -> None:
    made = MovingAccount(
        "registrations",
        directories=[{"ID": "dir_1", "name": "One"}],
        registrations={"dir_1": registrations(range(1, 101), datetime(2026, 1, 1, 23))},
    )
    for answer in range(1, 12):
        made.after[answer] = lambda number=1000 + answer: made.put_record(  # type: ignore[misc]
            "registrations", registration(number, datetime(2026, 6, 1)), "dir_1"
        )
    serve(made, registration_page_size=7)
    export_only(directory_registrations, start="2026-01-01", end="2026-01-01")
    assert keys(data_dir, "directory_registrations", "registration_id") == sorted(f"reg_{n}" for n in range(1, 60))


@pytest.mark.parametrize(
    ("order", "amount", "answer", "whole"),
    [
        ("ascending", "page", 1, True),
        ("ascending", "total", 1, False),
        ("newest_first", "page", 2, False),
        ("newest_first", "total", 2, True),
    ],
)
def test_sessions_that_stay_are_read_although_others_come_and_go(
    serve: Serve, data_dir: Path, order: str, amount: str, answer: int, whole: bool
) -> None:
    sessions = [session(number, created=f"{TODAY} 00:{number:02}:00") for number in range(1, 36)]
    made = MovingAccount("data", [campaign()], {"cam_1": sessions})

    def move() -> None:
        for number in (3, 34):
            made.remove_session(session(number)["session"])
        made.add_sessions("cam_1", session(36, created=f"{TODAY} 00:36:00"), session(37, created=f"{TODAY} 00:37:00"))

    made.after[answer] = move
    serve(made, session_page_size=10, session_order=order, amount_meaning=amount)
    days = {"full": True} if whole else {"start": f"{TODAY}", "end": f"{TODAY}"}
    export_only(coupon_sessions, **days)
    ids = keys(data_dir, "coupon_sessions", "sequence_id")
    assert len(ids) == len(set(ids))
    assert {*range(1, 36)} - {3, 34} <= {int(number) for number in ids} <= {*range(1, 38)}
    export_only(coupon_sessions, full=True)
    live = in_database(data_dir, "SELECT sequence_id FROM coupon_sessions WHERE _deleted_at IS NULL ORDER BY ALL")
    assert [number for (number,) in live] == sorted({*range(1, 38)} - {3, 34})


def test_a_list_that_moves_without_end_is_left_to_the_next_run_and_deletes_nothing(
    serve: Serve, data_dir: Path
) -> None:
    sessions = {number: session(number, created=f"{TODAY} 00:00:00") for number in range(1, 101)}
    made = MovingAccount("data", [campaign()], {"cam_1": list(sessions.values())})
    serve(made, session_page_size=10)
    ingest_only(coupon_sessions, full=True)

    def swap() -> None:
        """Take the first away and put another in the middle."""
        made.after[made.answered + 1] = swap
        numbers = sorted(sessions)
        del sessions[numbers[0]]
        sessions[numbers[-1] + 1] = session(numbers[-1] + 1, created=f"{TODAY} 00:00:00")
        middle = sorted(sessions, key=lambda number: (number * 7919) % 1009)
        made.set_sessions("cam_1", [sessions[number] for number in middle])

    made.after[made.answered + 1] = swap
    report = export_only(coupon_sessions, full=True)["coupon_sessions"]
    assert report["lists that changed while read"] == 1
    assert report["rows deleted"] == 0
    ids = keys(data_dir, "coupon_sessions", "session_id")
    assert len(ids) == len(set(ids))


def test_loyalty_users_that_stay_are_read_although_one_goes(serve: Serve, data_dir: Path) -> None:
    made = MovingAccount(
        "loyalty_users",
        loyalty_cards=[{"ID": "1", "code": "a", "name": "Club", "type": "membership"}],
        loyalty_users={"1": [loyalty_user(number) for number in range(1, 31)]},
    )
    made.after[2] = lambda: made.remove_record("loyalty_users", "1", "1")
    serve(made, v4_loyalty_page_size=10)
    export_only(loyalty_users)
    assert {str(number) for number in range(2, 31)} <= set(keys(data_dir, "loyalty_users", "loyalty_user_id"))
