"""What may be written of a page, whatever its JSON looks like."""

from datetime import datetime

import pytest

from assets.ingest.personal_data import Redactor
from assets.normalise.normalise import PageNormaliser
from assets.tables.coupon_sessions import CouponSession
from resources.coupontools.endpoints import choose
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from resources.settings import PersonalData
from resources.warehouse.suppression import NOBODY

PERSON = "jan@example.com"
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("policy", ["keep", "hash", "drop"])
@pytest.mark.parametrize(
    "record",
    [
        f'{{"session":"a","user":{{"email":"{PERSON}","email":"an@example.com"}}}}',
        f'{{"session":"a","note":"{PERSON}","note":"x"}}',
        f'{{"session":"a","customid":true,"note":"{PERSON}","note":"x"}}',
        f'{{"session":"a","note":"{PERSON}","deep":{DEEP}}}',
    ],
)
def test_nothing_of_somebody_forgotten_is_written(policy: str, record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA", policy)
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA_KEY", "k" * 16)
    page = Page(
        Slice(choose("")["sessions"], "cam_1", constants={"campaign_id": "cam_1"}),
        1,
        f"[{record}]".encode(),
        datetime(2026, 1, 1),
    )
    result = PageNormaliser(CouponSession).normalise(page)
    redactor = Redactor(CouponSession, PersonalData(), NOBODY.with_identifiers([PERSON]))
    rows, rejected, _ = redactor.redact(result.rows, result.rejected, result.rejected_keys)
    assert PERSON not in rows.write_json() + rejected.write_json()
    assert rejected.is_empty()
