"""The record of a session as the official page prints it: every field comes to its column, from each list."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.tables.coupon_sessions import CouponSession
from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import campaign, session
from tests.support.queries import in_database, in_parquet
from tests.support.runs import export_sessions

STATUS: dict[str, Any] = {
    "created_date_utc": "2025-03-25 10:43:50", "opened": "0", "open_date_utc": "",
    "played": "0", "played_date_utc": "", "claimed": "1", "claim_date_utc": "2025-03-25 10:44:05", "claimtype": "",
    "saved_to_passbook": "1", "saved_to_passbook_date_utc": "2025-03-25 10:45:00", "saved_to_androidpay": "1",
    "saved_to_androidpay_date_utc": "2025-03-25 10:46:00", "validated": "0", "validation_date_utc": "",
    "own_validation_code": "ding_COdHepKvqNrNC8OU", "validation_value": "", "redeem_location_ID": "7",
    "voided": "0", "unvoided_date_utc": "2025-03-25 10:44:05", "locked": "0",
    "unlocked_date_utc": "2025-03-26 09:00:00", "value": "", "customid": "member 7",
    "expiration_date": "2025-03-02 02:00:00", "utm_campaign": None, "utm_source": "newsletter", "utm_medium": "e-mail",
    "utm_term": "", "utm_content": "button", "redeem_location_company_name": "Show",
    "redeem_location_street": "street", "redeem_location_zip": "", "redeem_location_city": "Foo",
    "redeem_location_province": "Bar", "redeem_location_country": "Baz", "redeem_location_phone": "+32 9 123 45 67",
    "redeem_location_website": "https://www.coupontools.com", "redeem_location_fax": "9",
}  # fmt: skip
STEPS: dict[str, dict[str, str]] = {
    "data": {},
    "opens": {"opened": "1", "open_date_utc": "2026-01-05 10:00:00"},
    "claims": {"claimed": "1", "claim_date_utc": "2026-01-05 10:00:00"},
    "validations": {
        "validated": "1", "validation_date_utc": "2026-01-05 10:00:00", "validation_value": "12.50",
    },
}  # fmt: skip
MOMENT = datetime(2026, 1, 5, 10)
COLUMNS: dict[str, Any] = {
    "inner_custom_id": "member 7", "unvoided_at": datetime(2025, 3, 25, 10, 44, 5),
    "unlocked_at": datetime(2025, 3, 26, 9), "expires_at_local": datetime(2025, 3, 2, 2), "voided_at": None,
    "is_played": False, "is_voided": False, "is_locked": False, "is_saved_to_apple_wallet": True,
    "saved_to_apple_wallet_at": datetime(2025, 3, 25, 10, 45), "is_saved_to_google_wallet": True,
    "saved_to_google_wallet_at": datetime(2025, 3, 25, 10, 46), "own_validation_code": "ding_COdHepKvqNrNC8OU",
    "redeem_location_id": "7", "redeem_location_company": "Show", "redeem_location_street": "street",
    "redeem_location_zip": None, "redeem_location_city": "Foo", "redeem_location_province": "Bar",
    "redeem_location_country": "Baz", "redeem_location_phone": "+32 9 123 45 67",
    "redeem_location_website": "https://www.coupontools.com", "utm_source": "newsletter", "utm_medium": "e-mail",
    "utm_campaign": None, "utm_term": None, "utm_content": "button",
    "_extra": '{"status":{"redeem_location_fax":"9"}}',
}  # fmt: skip
CHANGED: dict[str, dict[str, Any]] = {
    "data": {"created_at": MOMENT},
    "opens": {"is_opened": True, "opened_at": MOMENT},
    "claims": {"is_claimed": True, "claimed_at": MOMENT},
    "validations": {"is_validated": True, "validated_at": MOMENT, "validation_value": Decimal("12.5000")},
}


@pytest.mark.parametrize("part", STEPS)
def test_each_list_brings_every_field_to_its_column(serve: Serve, data_dir: Path, part: str) -> None:
    created: dict[str, str] = {"created_date_utc": "2026-01-05 10:00:00"} if part == "data" else {}
    record = session(1, status=STATUS | created | STEPS[part])
    serve(HandmadeAccount([campaign()], {"cam_1": [record]}))
    export_sessions(date(2026, 1, 5), date(2026, 1, 5))
    expected = COLUMNS | CHANGED[part]
    columns = ", ".join(expected)
    rows = [tuple(expected.values())]
    assert in_database(data_dir, f"SELECT {columns} FROM coupon_sessions") == rows
    assert in_parquet(data_dir, "coupon_sessions", columns) == rows


def test_every_column_of_the_status_is_tested() -> None:
    places = {
        path[1]: column.name for column in CouponSession.columns() for path in column.paths if path[0] == "status"
    }
    assert set(STATUS) - {"redeem_location_fax"} == set(places) - {"voided_date_utc"}
