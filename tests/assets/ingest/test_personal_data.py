"""What may be written of a page, whatever its JSON looks like."""

import json
from datetime import datetime

import polars as pl
import pytest
from pydantic import SecretStr

from assets.ingest.personal_data import Redactor, printable_names
from assets.normalise.normalise import PageNormaliser
from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from assets.tables.sms_contacts import SmsContact
from assets.tables.table import Table
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from resources.settings import PersonalData
from resources.warehouse.identity import normalise_identifiers
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
        Slice(choose_endpoints("")["sessions"], "cam_1", constants={"campaign_id": "cam_1"}),
        1,
        f"[{record}]".encode(),
        datetime(2026, 1, 1),
    )
    result = PageNormaliser(CouponSession).normalise(page)
    redactor = Redactor(CouponSession, PersonalData(), NOBODY.with_identifiers([PERSON]))
    rows, rejected, _ = redactor.redact(result.rows, result.rejected, result.rejected_keys)
    assert PERSON not in rows.write_json() + rejected.write_json()
    assert rejected.is_empty()


def redacted(policy: str, table: type[Table], rejected: str | None = None, **row: str) -> tuple[dict[str, object], str]:
    """A row, and the text of a rejected record, as they may be written."""
    settings = PersonalData(personal_data=policy, personal_data_key=SecretStr("k" * 16))
    redactor = Redactor.over(table, settings, NOBODY)
    rows = pl.DataFrame([row], table.schema_of_frames())
    records = pl.DataFrame([{"record": rejected}], Quarantine.schema_of_frames())
    if redactor:
        rows, records, keys = redactor.redact(rows, records, rows.select(table.KEY))
        assert keys.equals(rows.select(table.KEY)), "a key is redacted as the row that has it"
    return rows.row(0, named=True), records["record"][0]


CONTACT = {"sms_group_id": "grp_1", "phone": "+32470112233", "first_name": "Jan"}


def test_where_personal_data_is_kept_nothing_is_redacted() -> None:
    assert Redactor.over(SmsContact, PersonalData(), NOBODY) is None


def test_hashed_columns_are_the_same_for_the_same_person_and_show_nothing() -> None:
    one, _ = redacted("hash", SmsContact, **CONTACT)
    other, _ = redacted("hash", SmsContact, **CONTACT | {"phone": "0032 470 11 22 33", "first_name": "An"})
    assert one["phone"] == other["phone"] != CONTACT["phone"]
    assert one["first_name"] != other["first_name"]
    assert one["sms_group_id"] == "grp_1", "what is not personal stays"


def test_a_text_that_names_several_people_has_the_same_hash_whatever_it_is_read_with() -> None:
    several = ", ".join(f"person{number}@example.com" for number in range(8))
    texts = {"email": several, "custom_field_1": several, "utm_term": several}
    rows = [redacted("hash", CouponSession, session_id="a", phone=f"{number}@x.be", **texts) for number in range(9)]
    for column in texts:
        assert len({row[column] for row, _ in rows}) == 1


def test_a_contact_of_two_numbers_is_the_same_customer_under_every_policy() -> None:
    written = ["02 5551234 / 02 5555678", "025551234/025555678", "02-5551234 / 02-5555678"]
    for policy in ("keep", "hash"):
        phones = [str(redacted(policy, CouponSession, session_id="a", phone=phone)[0]["phone"]) for phone in written]
        customers = normalise_identifiers(pl.Series(phones))
        assert customers.null_count() == 0
        assert customers.n_unique() == 1


@pytest.mark.parametrize("text", ["N/A", "-", "+", "0", "12 34 56", "@"])
def test_a_hashed_contact_that_names_nobody_is_empty_but_for_a_key_which_tells_rows_apart(text: str) -> None:
    session, _ = redacted("hash", CouponSession, session_id="a", email=text, phone=text, first_name=text)
    assert (session["email"], session["phone"]) == (None, None)
    assert session["first_name"] not in (None, text)
    keys = {redacted(policy, SmsContact, **CONTACT | {"phone": text})[0]["phone"] for policy in ("hash", "drop")}
    other, _ = redacted("hash", SmsContact, **CONTACT | {"phone": "none"})
    assert len(keys | {other["phone"], text, None}) == len(["the same hash twice", "another one", "text", "null"])


def test_dropped_columns_are_empty_but_for_a_key_which_is_hashed() -> None:
    row, _ = redacted("drop", SmsContact, **CONTACT)
    assert row["first_name"] is None
    assert row["phone"] not in (None, CONTACT["phone"])


@pytest.mark.parametrize(("policy", "is_empty"), [("hash", False), ("drop", True)])
def test_of_the_texts_of_a_link_only_those_that_name_somebody_are_redacted(policy: str, is_empty: bool) -> None:
    row, _ = redacted(policy, CouponSession, session_id="a", utm_source="newsletter", utm_term=PERSON)
    assert row["utm_source"] == "newsletter"
    assert PERSON not in str(row["utm_term"])
    assert (row["utm_term"] is None) is is_empty


@pytest.mark.parametrize(("policy", "is_empty"), [("hash", False), ("drop", True)])
def test_of_json_the_shape_stays_and_the_values_go(policy: str, is_empty: bool) -> None:
    text = json.dumps({"note": "Jan", "list": [1, {"deep": PERSON}], PERSON: 1})
    row, record = redacted(policy, CouponSession, text, campaign_id="cam_1", session_id="a", _extra=text)
    for said in map(json.loads, (str(row["_extra"]), record)):
        (name,) = said.keys() - {"note", "list"}
        assert PERSON not in (name, *said["list"][1].values())
        assert list(said["list"][1]) == ["deep"]
        assert (said["note"] is None) is is_empty


def test_a_blank_text_or_a_flag_of_json_does_not_become_a_hash_as_if_it_were_a_value() -> None:
    text = json.dumps({"subaccount": False, "notes": ["", None, " ", True]})
    row, record = redacted("hash", CouponSession, text, campaign_id="cam_1", session_id="a", _extra=text)
    assert [json.loads(str(row["_extra"])), json.loads(record)] == [json.loads(text)] * 2


def test_a_text_that_is_no_json_is_redacted_as_one_value() -> None:
    assert redacted("drop", CouponSession, f"not JSON {PERSON}")[1] == ""
    assert PERSON not in redacted("hash", CouponSession, f"not JSON {PERSON}")[1]


def test_names_of_fields_that_are_somebodys_are_not_shown() -> None:
    assert printable_names(["news", PERSON, "+32470112233"]) == {"news", "(an address or a number)"}
