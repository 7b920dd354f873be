"""Coupon sessions: each one arrives once and as it is, whatever the paging and whatever is undocumented."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from assets.coupon_sessions import THE_BEGINNING
from assets.errors import FORESEEN
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.request_log import RequestEntry
from resources.sandbox.server.server import SandboxServer
from tests.conftest import Serve
from tests.support.accounts import START, account, campaign, session
from tests.support.queries import all_sessions, in_database, in_parquet
from tests.support.runs import export_only, export_sessions, ingest_only, publish_only
from tests.support.table_assets import campaigns, coupon_sessions

WHOLE = (date(2020, 1, 1), date(2026, 11, 1))


@pytest.mark.parametrize(
    ("page_size", "amount_meaning", "past_end"),
    [
        (5000, "page", "empty"),
        (5000, "total", "error"),
        (100, "page", "error"),
        (100, "page", "last_page"),
        (100, "page", "first_page"),
        (100, "total", "empty"),
        (100, "total", "last_page"),
        (7, "page", "empty"),
    ],
)
def test_every_session_arrives_once_whatever_the_paging(
    serve: Serve, data_dir: Path, page_size: int, amount_meaning: str, past_end: str
) -> None:
    sizes = {1: 150, 2: 0, 3: 100, 4: 7, 5: 1, 6: 14, 7: 201}
    serve(account(sizes), session_page_size=page_size, amount_meaning=amount_meaning, past_end=past_end)
    export_sessions(*WHOLE)
    counts = in_database(data_dir, "SELECT campaign_id, count(*) FROM coupon_sessions GROUP BY ALL ORDER BY ALL")
    assert counts == [(f"cam_{name}", size) for name, size in sizes.items() if size]
    ids = all_sessions(data_dir, "session_id")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "assumed",
    [
        {"session_order": "newest_first", "session_page_size": 100},
        {"error_http_status": "always_200", "past_end": "error", "session_page_size": 100, "empty_data": "absent"},
        {"error_shape": "E1", "past_end": "error", "session_page_size": 100, "amount_type": "string"},
        {"error_shape": "E3", "past_end": "error", "session_page_size": 100, "gzip": True},
        {"row_fields": "seen", "campaign_fields": "hinted"},
    ],
)
def test_nothing_undocumented_changes_the_number_of_rows(serve: Serve, data_dir: Path, assumed: dict[str, Any]) -> None:
    serve(account({1: 150, 2: 0, 3: 3}), **assumed)
    export_sessions(*WHOLE)
    assert len(all_sessions(data_dir, "session_id")) == 153


def test_sessions_of_a_month_lie_together_in_the_database_as_their_files_are_written_by_month(
    serve: Serve, data_dir: Path
) -> None:
    sessions = [session(number, created=datetime(2026, 1 + number % 3, 28)) for number in range(60)]
    serve(HandmadeAccount([campaign()], {"cam_1": sessions}))
    export_sessions(*WHOLE)
    months = in_database(data_dir, "SELECT month(created_at) FROM coupon_sessions ORDER BY rowid")
    assert months == sorted(months)


def test_lists_of_events_with_fewer_fields_empty_no_column(serve: Serve, data_dir: Path) -> None:
    now, week = datetime(2026, 11, 1, 12), {"start": "2026-10-12", "end": "2026-10-18"}
    serve(GeneratedAccount(seed=3, sessions=600, campaigns=4), clock=Clock.frozen(now), row_fields="seen_in_events")
    ingest_only(campaigns, coupon_sessions, **week)
    ingest_only(campaigns, coupon_sessions)
    export_only(campaigns, coupon_sessions, **week)
    afterwards = all_sessions(data_dir)
    assert in_database(data_dir, "SELECT count(*) FROM coupon_session_changes") == [(0,)]
    export_only(campaigns, coupon_sessions)
    assert all_sessions(data_dir) == afterwards
    assert in_database(data_dir, "SELECT count(*), count(created_at) FROM coupon_sessions") == [(600, 600)]


def test_forty_campaigns_of_the_generated_account_arrive_whole(serve: Serve, data_dir: Path) -> None:
    now = datetime(2026, 11, 1, 12)
    generated = GeneratedAccount(seed=3, sessions=1000, campaigns=40)
    server = serve(generated, clock=Clock.frozen(now), session_page_size=100)
    export_only(campaigns, coupon_sessions, start=str(WHOLE[0]), end=str(WHOLE[1]))
    assert in_database(data_dir, "SELECT count(*) FROM campaigns") == [(len(generated.campaigns(now)),)]
    counts = in_database(data_dir, "SELECT count(*), count(DISTINCT session_id) FROM coupon_sessions")
    assert counts == [(1000, 1000)]
    assert {entry.path for entry in server.requests} == {"v3/coupon/list", "v3/coupon/info", "v3/campaign/data"}


def test_twelve_thousand_sessions_of_one_second_arrive(serve: Serve, data_dir: Path) -> None:
    burst = HandmadeAccount([campaign()], {"cam_1": [session(number) for number in range(12_345)]})
    serve(burst, session_page_size=5000)
    export_sessions(date(2026, 1, 1), date(2026, 1, 1))
    assert in_database(
        data_dir, "SELECT count(DISTINCT session_id), count(DISTINCT created_at) FROM coupon_sessions"
    ) == [(12_345, 1)]


def test_ids_that_differ_only_in_case_are_different_sessions(serve: Serve, data_dir: Path) -> None:
    ids = ["kkfiznr8Yp8630h82es8d", "kkfiznr8yp8630h82es8d", "KKFIZNR8YP8630H82ES8D"]
    serve(
        HandmadeAccount(
            [campaign()], {"cam_1": [session(n, session_id=session_id) for n, session_id in enumerate(ids)]}
        )
    )
    export_sessions(*WHOLE)
    assert [row[0] for row in all_sessions(data_dir, "session_id")] == sorted(ids)


def test_every_value_arrives_as_it_is(serve: Serve, data_dir: Path) -> None:
    touched = {
        "opened": 1,
        "open_date_utc": "2026-01-02 03:04:05",
        "claimed": True,
        "claim_date_utc": "2026-01-02 03:04:06",
        "claimtype": 'O\'Neil "quoted"\nnext line',
        "validation_value": "12.3450",
        "value": "Ελληνικά 日本 \U0001f600 \\",
        "locked": "1",
        "voided_date_utc": "0000-00-00 00:00:00",
        "saved_to_passbook": None,
        "odd": [1.50, {"x": None}],
    }
    user = {"firstname": "Łukasz", "email": "a@example.com", "customfield7": "seven", "shoe_size": 43}
    record = session(19_878_460, status=touched, user=user, location={"lat": 1.10}, customid=None)
    del record["session_url"]
    serve(HandmadeAccount([campaign()], {"cam_1": [record]}))
    export_sessions(*WHOLE)
    columns = (
        "sequence_id, campaign_id, custom_id, session_url, created_at, is_opened, opened_at, is_claimed, claim_type, "
        "validation_value::VARCHAR, value, is_locked, voided_at, is_saved_to_apple_wallet, first_name, email, "
        "custom_field_7, is_played, _extra, _deleted_at"
    )
    assert all_sessions(data_dir, columns) == [
        (
            19_878_460,
            "cam_1",
            None,
            None,
            START,
            True,
            datetime(2026, 1, 2, 3, 4, 5),
            True,
            'O\'Neil "quoted"\nnext line',
            "12.3450",
            "Ελληνικά 日本 \U0001f600 \\",
            True,
            None,
            None,
            "Łukasz",
            "a@example.com",
            "seven",
            False,
            '{"status":{"odd":[1.5,{"x":null}]},"user":{"shoe_size":43},"location":{"lat":1.1}}',
            None,
        )
    ]


def test_running_again_changes_nothing_but_the_time_of_reading(serve: Serve, data_dir: Path) -> None:
    serve(GeneratedAccount(seed=2, sessions=500, campaigns=3), clock=Clock.frozen(datetime(2026, 11, 1)))
    export_sessions(*WHOLE)
    first, read_at = all_sessions(data_dir), all_sessions(data_dir, "session_id, _extracted_at")
    export_sessions(*WHOLE)
    assert all_sessions(data_dir) == first
    assert all(
        new[1] > old[1] for old, new in zip(read_at, all_sessions(data_dir, "session_id, _extracted_at"), strict=True)
    )


def test_a_later_run_brings_old_sessions_up_to_date(serve: Serve, data_dir: Path) -> None:
    clock = Clock.frozen(datetime(2026, 9, 30, 23, 59, 59))
    serve(GeneratedAccount(seed=5, sessions=1000, campaigns=2), clock=clock)
    export_sessions(date(2026, 7, 1), date(2026, 9, 30))
    columns = "session_id, opened_at, claimed_at, validated_at"
    before = {row[0]: row[1:] for row in all_sessions(data_dir, columns)}
    clock.set(datetime(2026, 10, 31, 23, 59, 59))
    export_sessions(date(2026, 10, 1), date(2026, 10, 31))
    increment = all_sessions(data_dir, columns)
    export_sessions(date(2026, 7, 1), date(2026, 10, 31))
    october = datetime(2026, 10, 1)
    full = {row[0]: row[1:] for row in all_sessions(data_dir, columns)}
    assert {row[0] for row in increment} == full.keys()
    touched = {
        key for key, dates in full.items() if key in before and any(moment and moment >= october for moment in dates)
    }
    assert touched, "the account should have later claims of old sessions"
    assert all(row[1:] == full[row[0]] for row in increment if row[0] in touched)


def test_a_session_without_its_creation_date_stays_in_the_month_where_it_was_first_put(
    serve: Serve, data_dir: Path
) -> None:
    opened = {"created_date_utc": "", "open_date_utc": "2026-02-03 00:00:00"}
    made = HandmadeAccount([campaign()], {"cam_1": [session(1, status=opened), session(2)]})
    serve(made)
    ingest_only(coupon_sessions, full=True)
    later = {"created_date_utc": "", "open_date_utc": "", "claim_date_utc": "2026-03-05 00:00:00"}
    made.replace_session(session(1)["session"], session(1, status=later))
    export_sessions(*WHOLE)
    columns = "sequence_id, month, claimed_at IS NULL"
    rows = in_parquet(data_dir, "coupon_sessions", columns, with_month=True)
    assert rows == [(1, "2026-02", False), (2, "2026-01", True)]


def in_the_window(server: SandboxServer) -> list[RequestEntry]:
    """The requests for sessions, but for those that ask whether a campaign has any from before the window."""
    requests = [entry for entry in server.requests if entry.path.startswith("v3/campaign/")]
    return [entry for entry in requests if entry.parameters["start_date"] != str(THE_BEGINNING)]


def test_a_campaign_that_vanishes_while_it_is_read_is_skipped(serve: Serve, data_dir: Path) -> None:
    made = account({1: 3, 2: 3})
    server = serve(made)
    made.put_campaign({"ID": "cam_404"})
    server.faults.add(
        Fault("failed", when=lambda parameters: parameters.get("campaign") == "cam_404", times=None, error_code=502)
    )
    export_sessions(*WHOLE)
    assert {row[0] for row in all_sessions(data_dir, "campaign_id")} == {"cam_1", "cam_2"}


def test_a_run_that_failed_is_taken_up_where_it_stopped(serve: Serve, data_dir: Path) -> None:
    server = serve(account({1: 3, 2: 3, 3: 3}))
    third = {"campaign": "cam_3", "start_date": str(WHOLE[0])}
    server.faults.add(
        Fault("500", path="v3/campaign/data", when=lambda parameters: third.items() <= parameters.items(), times=6)
    )
    with pytest.raises(FORESEEN, match="HTTP 500"):
        export_sessions(*WHOLE)
    publish_only(coupon_sessions)
    assert in_database(data_dir, "FROM coupon_sessions") == []
    server.requests.clear()
    export_sessions(*WHOLE)
    read = {entry.parameters["campaign"] for entry in in_the_window(server)}
    assert read == {"cam_3"}
    assert len(all_sessions(data_dir, "session_id")) == 9
    assert not list((data_dir / ".state" / "batches").iterdir())


def test_the_window_is_asked_for_in_one_pass_a_campaign_and_endpoint(serve: Serve) -> None:
    server = serve(account({1: 3, 2: 3}))
    export_sessions(date(2026, 2, 1), date(2026, 3, 31))
    requests = in_the_window(server)
    assert sorted((e.path, e.parameters["campaign"]) for e in requests) == sorted(
        (f"v3/campaign/{endpoint}", f"cam_{number}")
        for endpoint in ("data", "opens", "claims", "validations")
        for number in (1, 2)
    )
    assert {(e.parameters["start_date"], e.parameters["end_date"]) for e in requests} == {("2026-02-01", "2026-03-31")}
