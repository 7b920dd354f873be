"""What a table takes and what it rejects: numbers, texts, dates, ids and objects at the limits of a column."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.normalise.normalise import PageNormaliser
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from assets.tables.directories import Directory
from assets.tables.directory_registrations import DirectoryRegistration
from assets.tables.quarantine import Quarantine
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from tests.support.accounts import session
from tests.support.normalised_pages import READ_AT, SESSIONS, read, reasons


def test_a_value_in_two_places_is_kept_twice() -> None:
    page = Page(Slice(SESSIONS), 1, b'[{"ID":"cam_1","id":7},{"id":8}]', READ_AT)
    rows = PageNormaliser(Campaign).normalise(page).rows
    assert rows.select("campaign_id", "_extra").rows() == [("cam_1", '{"id":7}'), ("8", None)]


def test_an_empty_value_hides_none_in_another_place_of_its_column() -> None:
    records = b'[{"ID":"","id":"reg_1","created_at":"0000-00-00","date":"2026-01-10 10:00:00","email":"","mail":""}]'
    result = read(records, DirectoryRegistration)
    assert result.rejected.is_empty()
    assert result.rows.select("registration_id", "registered_at", "email", "_extra").rows() == [
        ("reg_1", datetime(2026, 1, 10, 10), None, '{"ID":"","created_at":"0000-00-00","mail":""}')
    ]


def test_numbers_for_texts_keep_their_digits() -> None:
    rows = read(
        b'[{"session":12345678901234567890123,"customid":1.50,"status":{"validation_value":12345678901234.5678}}]'
    ).rows
    assert rows.select("session_id", "custom_id", "validation_value").rows() == [
        ("12345678901234567890123", "1.50", Decimal("12345678901234.5678"))
    ]


def test_undeclared_fields_are_kept_as_they_were_written() -> None:
    rows = read(
        b'[{"session":"a","n":1.50,"big":123456789012345678901234567890,"t":"\\u00e9\\/","o":{ "k" : [ ] }}]'
    ).rows
    assert rows["_extra"].to_list() == [
        '{"big":123456789012345678901234567890,"n":1.50,"o":{ "k" : [ ] },"t":"\\u00e9\\/"}'
    ]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"validation_value": "12.34567"}, "status.validation_value: Input should be an amount of at most 14 digits"),
        ({"validation_value": "1e3"}, "status.validation_value: Input should be an amount"),
        ({"open_date_utc": "2026-02-30 00:00:00"}, "status.open_date_utc: Input should be a valid datetime"),
        ({"open_date_utc": "2026-01-01 00:00:60"}, "status.open_date_utc: Input should be a UTC time"),
        ({"opened": "yes"}, "status.opened: Input should be 0, 1, true or false"),
        ({"claimtype": {"a": 1}}, "status.claimtype: Input should be a text or a number"),
        ({"claimtype": True}, "status.claimtype: Input should be a text or a number"),
    ],
)
def test_what_a_column_cannot_hold_exactly_is_refused_with_its_reason(status: dict[str, Any], reason: str) -> None:
    messages = reasons(session(1, status=status))
    assert len(messages) == 1
    assert messages[0].startswith(reason)


@pytest.mark.parametrize("value", ["active", "0", " ", 0, 7, 1.5, True, ["x"], [[]], "0000-00-00 00:00:00"])
def test_what_stands_for_an_object_of_fields_refuses_its_record(value: Any) -> None:
    assert reasons(session(1, user=value)) == ["user: Input should be an object"]
    assert reasons({"session": "a", "status": value, "customid": True}) == [
        "status: Input should be an object",
        "customid: Input should be a text or a number",
    ]
    directory = read([{"ID": "dir_1", "payment": value}], Directory)
    assert directory.rejected["reason"].to_list() == ["payment: Input should be an object"]


@pytest.mark.parametrize("value", [None, "", [], {}, False])
def test_an_object_of_fields_may_be_said_to_be_missing(value: Any) -> None:
    rows = read([{"ID": "dir_1", "payment": value}], Directory).rows
    assert rows.select("directory_id", "payment_amount").rows() == [("dir_1", None)]
    kept = json.loads(rows["_extra"][0] or "{}")
    assert kept == ({} if value is None or value == {} else {"payment": value})


def test_an_empty_list_or_object_is_no_value_and_is_kept() -> None:
    rows = read(b'[{"session":"a","customid":[],"sequenceid":{ },"status":{"claimtype":[ ],"opened":{}}}]').rows
    assert rows.select("custom_id", "sequence_id", "claim_type", "is_opened").rows() == [(None, None, None, None)]
    assert json.loads(rows["_extra"][0]) == {
        "customid": [],
        "sequenceid": {},
        "status": {"claimtype": [], "opened": {}},
    }
    assert reasons({"session": []}) == ["session: Field required"]


@pytest.mark.parametrize("depth", [150, 1_000, 100_000])
@pytest.mark.parametrize("place", ["zz", "customid", "status", "session"])
def test_a_record_that_is_too_deep_is_refused_and_no_other(depth: int, place: str) -> None:
    deep = f'{{"session":"a","{place}":{"[" * depth}{"]" * depth}}}'
    result = read(f'[{{"session":"b"}},{deep},{{"session":"c"}}]'.encode())
    assert result.rows["session_id"].to_list() == ["b", "c"]
    assert result.rejected["reason"].to_list() == ["the record holds more than 100 objects or lists inside each other"]
    assert result.rejected["record"].to_list() == [deep]


@pytest.mark.parametrize("digits", [400, 5_000])
def test_numbers_of_any_length_break_nothing(digits: int) -> None:
    number = "9" * digits
    content = f'[{{"session":{number}}},{{"session":"a","sequenceid":{number}}},{{"session":"b","zz":{number}}}]'
    result = read(content.encode())
    if digits < 4_300:
        assert result.rows["session_id"].to_list() == [number, "b"]
        assert result.rejected["reason"].to_list() == [
            "sequenceid: Input should be a whole number of at most 19 digits, without leading zeros"
        ]
        assert result.rows["_extra"].to_list() == [None, f'{{"zz":{number}}}']
    else:
        assert result.rejected["reason"].to_list() == ["the record holds a whole number of thousands of digits"] * 3


def test_an_id_that_nothing_could_be_asked_with_is_refused() -> None:
    records = [{"ID": "é" * 1_000}, {"ID": "x" * 2_001}, {"ID": "y" * 70_000}]
    result = read(records, Campaign)
    assert result.rows["campaign_id"].to_list() == ["é" * 1_000]
    assert result.rejected["reason"].to_list() == ["ID: Input should be a text of at most 2000 bytes"] * 2
    page = Page(Slice(SESSIONS), 1, json.dumps(records).encode(), READ_AT)
    assert PageNormaliser(Campaign).read_identifiers(page).to_list() == ["é" * 1_000, None, None]


def test_a_broken_text_hides_no_id_but_its_own() -> None:
    texts = [r'"ID":"cam_1","name":"\ud83d"', '"ID":"cam_2","name":"\xe9"', r'"ID":"\ud83d"', '"ID":"\xe9"']
    records = f"[{','.join(f'{{{text}}}' for text in texts)}]".encode("latin-1")
    page = Page(Slice(SESSIONS), 1, records, READ_AT)
    assert PageNormaliser(Campaign).read_identifiers(page).to_list() == ["cam_1", "cam_2", None, None]


def test_an_id_that_no_lake_could_look_up_is_refused() -> None:
    records = [{"ID": "cam_\0"}, {"ID": "cam_1", "name": "a\0b"}]
    result = read(records, Campaign)
    assert result.rows.select("campaign_id", "name").rows() == [("cam_1", "a\0b")]
    assert result.rejected["reason"].to_list() == ["ID: Input should be a text without the character U+0000"]
    page = Page(Slice(SESSIONS), 1, json.dumps(records).encode(), READ_AT)
    assert PageNormaliser(Campaign).read_identifiers(page).to_list() == [None, "cam_1"]


def test_a_record_that_stands_twice_byte_for_byte_is_one() -> None:
    one, bad = '{"session":"a","customid":"x"}', '{"session":"b","customid":true}'
    result = read(f'[{one},{bad},{one},{{"session":"a","customid":"y"}},{bad},{one}]'.encode())
    assert result.rows.select("session_id", "custom_id").rows() == [("a", "x")]
    assert result.rejected["reason"].to_list() == [
        "customid: Input should be a text or a number",
        "session_id: the page holds another record of the same key",
    ]
    assert (result.records, result.copies, len(result.rejected_keys)) == (6, 3, 2)
    assert len(result.hashes) == 3


def test_dates_are_read_to_the_end_of_their_range() -> None:
    rows = read([session(1, status={"open_date_utc": "9999-12-31 23:59:59"})]).rows
    assert rows["opened_at"].to_list() == [datetime(9999, 12, 31, 23, 59, 59)]
    registrations = [
        {"ID": "1", "birthday": "9999-12-31", "expires_at": "9999-12-31 23:59:59"},
        {"ID": "2", "expires_at": "9999-12-31T23:59:59-02:00"},
    ]
    result = read(registrations, DirectoryRegistration)
    assert result.rows.select("birthday", "access_expires_at").rows() == [
        (date(9999, 12, 31), datetime(9999, 12, 31, 23, 59, 59))
    ]
    assert result.rejected["reason"].to_list() == ["expires_at: Input should be a time before the year 10000 in UTC"]


def test_a_record_without_its_key_is_refused() -> None:
    assert reasons({"sequenceid": "1"}) == ["session: Field required"]
    assert reasons({"session": ""}) == ["session: Field required"]


def test_a_broken_text_refuses_its_record_and_no_other() -> None:
    content = b'[{"session":"a"},{"session":"\\ud800b"},{"session":"c\xff"},{"session":"\\ud83d\\ude00"},{"\xff":1}]'
    result = read(content)
    assert result.rows["session_id"].to_list() == ["a", "\U0001f600"]
    assert result.rejected["record"].to_list() == ['{"session":"\\ud800b"}', '{"session":"c\\xff"}', '{"\\xff":1}']


def test_what_is_no_record_is_refused() -> None:
    result = read([session(1), 5, None, "x", [], {}])
    assert (result.records, len(result.rejected_keys)) == (6, 5)


def test_a_text_of_four_megabytes_is_refused_and_kept_whole() -> None:
    records = [session(1, user={"firstname": "é" * 2_000_000}), session(2, user={"firstname": "é" * 500_000})]
    result = read(records)
    assert result.rows["first_name"].str.len_bytes().to_list() == [1_000_000]
    assert result.rejected["reason"].to_list() == ["user.firstname: Input should be a text of at most 1000000 bytes"]
    assert json.loads(result.rejected["record"][0]) == records[0]


def test_an_empty_page_has_the_columns_of_the_table() -> None:
    result = read([])
    assert result.rows.schema == CouponSession.schema_of_frames()
    assert result.rejected.schema == Quarantine.schema_of_frames()
    assert isinstance(result.rows, pl.DataFrame)
