"""Changes of sessions that took something back, or made it void or locked: each one is kept, once and for good."""

from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.tables.coupon_session_changes import CouponSessionChange
from assets.tables.coupon_sessions import CouponSession
from resources.sandbox.account.handmade import HandmadeAccount
from resources.warehouse.batch import CompletedSlice, SliceKey
from resources.warehouse.warehouse import Warehouse
from tests.support.accounts import campaign, session
from tests.support.erasure import merge, put, read
from tests.support.queries import in_database, in_parquet
from tests.support.runs import export_only, export_sessions, ingest_only, served
from tests.support.small_table import open_batch, publish
from tests.support.table_assets import coupon_sessions

DAYS = (date(2025, 12, 1), date(2026, 2, 1))
OPENED, CLAIMED, VALIDATED, VOIDED = (f"2026-01-0{day} 10:00:00" for day in (2, 3, 4, 5))
USED = {
    "opened": "1", "open_date_utc": OPENED, "claimed": "1", "claim_date_utc": CLAIMED, "validated": "1",
    "validation_date_utc": VALIDATED, "validation_value": "12.50", "expiration_date": "2026-03-01 00:00:00",
    "saved_to_passbook": "1", "saved_to_passbook_date_utc": CLAIMED,
}  # fmt: skip
LOCKED = USED | {"locked": "1"}
VOID = USED | {"voided": "1", "voided_date_utc": VOIDED}


def changes(data_dir: Path, columns: str) -> list[tuple[Any, ...]]:
    """The changes in order, in both forms."""
    rows = in_database(data_dir, f"SELECT {columns} FROM coupon_session_changes ORDER BY observed_at, session_id")
    assert sorted(in_parquet(data_dir, "coupon_session_changes", columns), key=repr) == sorted(rows, key=repr)
    return rows


Status = dict[str, str]
CHANGES: list[tuple[Status, Status, str, tuple[Any, ...]]] = [
    (USED, VOID, "is_voided_before, is_voided_after, voided_at_before, voided_at_after",
     (False, True, None, datetime(2026, 1, 5, 10))),
    (VOID, USED | {"voided": "0", "unvoided_date_utc": "2026-01-06 10:00:00"},
     "is_voided_before, is_voided_after, voided_at_before, voided_at_after, unvoided_at_before, unvoided_at_after",
     (True, False, datetime(2026, 1, 5, 10), None, None, datetime(2026, 1, 6, 10))),
    (USED, LOCKED, "is_locked_before, is_locked_after", (False, True)),
    (LOCKED, USED | {"locked": "0", "unlocked_date_utc": VOIDED},
     "is_locked_before, is_locked_after, unlocked_at_after",
     (True, False, datetime(2026, 1, 5, 10))),
    (USED, USED | {"validated": "0", "validation_date_utc": "", "validation_value": ""},
     "is_validated_before, is_validated_after, validated_at_before, validated_at_after, validation_value_before, "
     "validation_value_after, claimed_at_after",
     (True, False, datetime(2026, 1, 4, 10), None, Decimal("12.50"), None, datetime(2026, 1, 3, 10))),
    (USED, USED | {"claim_date_utc": VALIDATED}, "claimed_at_before, claimed_at_after",
     (datetime(2026, 1, 3, 10), datetime(2026, 1, 4, 10))),
    (USED, USED | {"expiration_date": "2026-04-01 00:00:00"}, "expires_at_local_before, expires_at_local_after",
     (datetime(2026, 3, 1), datetime(2026, 4, 1))),
    (USED, USED | {"validation_value": "13"}, "validation_value_before, validation_value_after",
     (Decimal("12.50"), Decimal(13))),
    (USED, USED | {"saved_to_passbook": "0", "saved_to_passbook_date_utc": ""},
     "is_saved_to_apple_wallet_before, is_saved_to_apple_wallet_after", (True, False)),
    (USED, USED | {"opened": "", "open_date_utc": ""}, "is_opened_before, is_opened_after", (True, None)),
]  # fmt: skip
"""What a session was, what it is then, and what is kept of that: columns and their values."""

NO_CHANGES: list[tuple[Status, Status]] = [
    ({}, USED),
    ({"voided": "", "locked": ""}, {"voided": "0", "locked": "0"}),
    ({"voided": "0", "locked": "0"}, {"voided": "", "locked": ""}),
    (USED, USED | {"played": "1", "played_date_utc": VALIDATED, "claimtype": "sms"}),
    (USED, USED | {"unlocked_date_utc": CLAIMED, "unvoided_date_utc": CLAIMED}),
    (USED | {"opened": "0"}, USED),
]
"""What a session was, and what it is then, of which nothing is kept."""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an account with a session for each case, read before and after its change, and then in full."""
    data_dir = tmp_path_factory.mktemp("observed")
    cases = [*((before, after) for before, after, _, _ in CHANGES), *NO_CHANGES]
    made = HandmadeAccount([campaign()], {"cam_1": [session(n, status=before) for n, (before, _) in enumerate(cases)]})
    with served(made, data_dir):
        export_sessions(*DAYS)
        assert changes(data_dir, "*") == [], "the first observation is no change"
        for number, (_, after) in enumerate(cases):
            changed = session(number, status=after, user={"email": "new@example.com"})
            made.replace_session(session(number)["session"], changed)
        again = ingest_only(coupon_sessions, start=str(DAYS[0]), end=str(DAYS[1]))
        assert again["coupon_sessions"]["changes kept"] == len(CHANGES)
        export_only(coupon_sessions, full=True)
    return data_dir


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_what_changes_back_is_kept_once(observed: Path, number: int) -> None:
    _, _, columns, values = CHANGES[number]
    times = "last_observed_at < observed_at AND _extracted_at = observed_at, _deleted_at"
    kept = [
        row[1:] for row in changes(observed, f"session_id, {columns}, {times}") if row[0] == session(number)["session"]
    ]
    assert kept == [(*values, True, None)]


def test_that_a_session_goes_on_is_no_change(observed: Path) -> None:
    changed = {session(number)["session"] for number in range(len(CHANGES))}
    assert {row[0] for row in changes(observed, "session_id")} == changed


def test_reading_again_adds_no_change(observed: Path) -> None:
    assert len(changes(observed, "*")) == len(CHANGES)


WHOLE = {
    "session_id": "a",
    "created_at": datetime(2026, 1, 1),
    "is_voided": True,
    "_extra": '{"status":{"fax":"1","value":[]},"length":1.50,"gender":"f"}',
    "_extracted_at": datetime(2026, 1, 2),
}
BRIEF = {
    "session_id": "a",
    "created_at": None,
    "opened_at": datetime(2026, 1, 1),
    "_extra": '{"status":{"fax":"2"},"gender":null,"mood":"good"}',
    "_extracted_at": datetime(2026, 1, 3),
}


@pytest.mark.parametrize("batches", [[[WHOLE], [BRIEF]], [[BRIEF], [WHOLE]], [[WHOLE, BRIEF]]])
def test_what_an_observation_without_its_date_lacks_is_no_change(
    tmp_path: Path, batches: list[list[dict[str, Any]]]
) -> None:
    with closing(Warehouse(tmp_path)) as warehouse:
        for rows in batches:
            put(warehouse, CouponSession, rows)
        publish(warehouse, [CouponSession.schema_of_table(), CouponSessionChange.schema_of_table()])
    extra = '{"status":{"fax":"2","value":[]},"length":1.50,"gender":"f","mood":"good"}'
    assert in_database(tmp_path, "SELECT created_at, opened_at, is_voided, _extra FROM coupon_sessions") == [
        (datetime(2026, 1, 1), datetime(2026, 1, 1), True, extra)
    ]
    assert in_database(tmp_path, "FROM coupon_session_changes") == []


def test_lists_of_events_with_one_step_each_are_no_change_of_the_others(tmp_path: Path) -> None:
    steps = {
        "opened_at": datetime(2026, 1, 1),
        "claimed_at": datetime(2026, 1, 2),
        "validated_at": datetime(2026, 1, 3),
    }
    with closing(Warehouse(tmp_path)) as warehouse:
        for step, moment in steps.items():
            observed = {"session_id": "a", "created_at": None, step: moment, "_extracted_at": moment}
            with open_batch(warehouse) as batch:
                batch.complete(CompletedSlice(SliceKey("v3/campaign/opens", "cam_1")))
                read(batch, CouponSession, [observed])
                merge(warehouse, batch, CouponSession)
        publish(warehouse, [CouponSession.schema_of_table(), CouponSessionChange.schema_of_table()])
    assert in_database(tmp_path, f"SELECT {', '.join(steps)} FROM coupon_sessions") == [tuple(steps.values())]
    assert in_database(tmp_path, "FROM coupon_session_changes") == []
