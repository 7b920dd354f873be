"""Changes of sessions that took something back, or made it void or locked: each one is kept, once and for good."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.export import export_everything
from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import campaign, session
from tests.support.queries import in_database, in_parquet
from tests.support.runs import export_sessions

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
    found = in_database(data_dir, f"SELECT {columns} FROM coupon_session_changes ORDER BY observed_at, session_id")
    assert sorted(in_parquet(data_dir, "coupon_session_changes", columns), key=repr) == sorted(found, key=repr)
    return found


@pytest.mark.parametrize(
    ("before", "after", "columns", "values"),
    [
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
    ],
)  # fmt: skip
def test_what_changes_back_is_kept_once(
    serve: Serve, data_dir: Path, before: dict[str, str], after: dict[str, str], columns: str, values: tuple[Any, ...]
) -> None:
    made = HandmadeAccount([campaign()], {"cam_1": [session(1, status=before), session(2, status=USED)]})
    serve(made)
    export_sessions(*DAYS)
    assert changes(data_dir, "*") == [], "the first observation is no change"
    made.replace_session(session(1)["session"], session(1, status=after))
    told = export_sessions(*DAYS)
    assert told["changes kept"] == 1
    assert changes(data_dir, f"session_id, {columns}") == [(session(1)["session"], *values)]
    export_everything()
    between = "last_observed_at < observed_at AND _extracted_at = observed_at, _deleted_at"
    assert changes(data_dir, between) == [(True, None)], "reading again adds nothing"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, USED),
        ({"voided": "", "locked": ""}, {"voided": "0", "locked": "0"}),
        ({"voided": "0", "locked": "0"}, {"voided": "", "locked": ""}),
        (USED, USED | {"played": "1", "played_date_utc": VALIDATED, "claimtype": "sms"}),
        (USED, USED | {"unlocked_date_utc": CLAIMED, "unvoided_date_utc": CLAIMED}),
        (USED | {"opened": "0"}, USED),
    ],
)
def test_that_a_session_goes_on_is_no_change(
    serve: Serve, data_dir: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    made = HandmadeAccount([campaign()], {"cam_1": [session(1, status=before)]})
    serve(made)
    export_sessions(*DAYS)
    made.replace_session(session(1)["session"], session(1, status=after, user={"email": "new@example.com"}))
    assert export_sessions(*DAYS)["changes kept"] == 0
    assert changes(data_dir, "*") == []
