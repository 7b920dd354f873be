"""Any record comes back whole: value by value from the table and `_extra`, or from quarantine."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.normalise import Normalised, normalise
from assets.records import exact, plain
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from assets.tables.table import EMPTY, Column
from resources.coupontools.endpoints import SESSIONS
from resources.coupontools.paging import Page, Unit
from tests.accounts import session

READ_AT = datetime(2026, 1, 2, 3, 4, 5, 678)


def read(records: bytes | list[Any]) -> Normalised:
    content = records if isinstance(records, bytes) else json.dumps(records).encode()
    return normalise(Page(Unit(SESSIONS, "cam_1"), 1, content, READ_AT), CouponSession, {"campaign_id": "cam_1"})


def reasons(record: Any) -> list[str]:
    return read([record]).rejected["reason"].to_list()


# texts without the half pairs that JSON may hold and Unicode may not
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
)
flags = st.sampled_from(["0", "1", "true", "false", "", 0, 1, True, False, None, "2", "yes"])
times = st.sampled_from(
    [
        "",
        "0000-00-00 00:00:00",
        None,
        "2026-02-28 23:59:59",
        "2026-02-29 00:00:00",
        "2026-01-01 00:00:60",
        " 2026-01-01 00:00:00",
        "2026-1-1 00:00:00",
        "2026-01-01T00:00:00",
        "2026-01-01 24:00:00",
        "0001-01-01 00:00:00",
        "2026-13-01 00:00:00",
        20260101,
    ]
)
numbers = (
    st.integers(-(2**70), 2**70)
    | st.from_regex(r"\A-?[0-9]{1,20}(\.[0-9]{1,6})?\Z")
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.just("1e3")
)


def field_values(column: Column) -> st.SearchStrategy[Any]:
    """Values for a column: those that it can hold, those that it nearly can, and any others."""
    likely: st.SearchStrategy[Any] = {
        "BOOLEAN": flags,
        "TIMESTAMP": times,
        "BIGINT": numbers,
        "DECIMAL(18,4)": numbers,
    }.get(column.type.sql, texts | st.integers())
    return st.one_of(likely, likely, likely, values)


IN_RECORD = [column for column in CouponSession.columns() if column.paths]


@st.composite
def session_records(draw: st.DrawFn) -> dict[str, Any]:
    record: dict[str, Any] = {"session": draw(texts.filter(bool))}
    for column in draw(st.lists(st.sampled_from(IN_RECORD[1:]), max_size=8, unique_by=lambda each: each.name)):
        *above, name = column.paths[0]
        here = record
        for part in above:
            here = here.setdefault(part, {})
        here[name] = draw(field_values(column))
    unknown = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    record |= {f"x{name}": value for name, value in draw(st.dictionaries(unknown, values, max_size=2)).items()}
    for group in ("status", "user"):
        if draw(st.booleans()) and isinstance(record.get(group), dict):
            record[group] |= {
                f"x{name}": value for name, value in draw(st.dictionaries(unknown, values, max_size=2)).items()
            }
        elif draw(st.integers(0, 9)) == 0:
            record[group] = draw(values.filter(lambda value: not isinstance(value, dict)))
    return record


def meant(column: Column, value: Any) -> Any:
    """What a value of the API says in a column, told independently of the code under test."""
    if value is None or value in EMPTY:
        return None
    if column.type.sql == "BOOLEAN":
        return value in ("1", "true", 1)
    if column.type.sql == "TIMESTAMP":
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    if column.type.sql == "BIGINT":
        return int(value)
    return Decimal(str(value)) if column.type.sql.startswith("DECIMAL") else str(value)


def without_columns(record: dict[str, Any]) -> dict[str, Any]:
    """What of a record must stand in `_extra`."""
    left: dict[str, Any] = {}
    declared = {column.paths[0] for column in IN_RECORD}
    for name, value in record.items():
        if (name,) in declared:
            continue
        if name not in ("status", "user"):
            left[name] = value
        elif not isinstance(value, dict):
            left |= {} if value is None else {name: value}
        elif rest := {inner: each for inner, each in value.items() if (name, inner) not in declared}:
            left[name] = rest
    return left


@given(record=session_records())
@settings(max_examples=400, deadline=None)
def test_a_record_comes_back_whole_from_the_table_or_from_quarantine(record: dict[str, Any]) -> None:
    result = read([record])
    assert result.records == 1
    if result.refused:
        assert result.rows.is_empty()
        assert [json.loads(text) for text in result.rejected["record"]] == [record] * len(result.rejected)
        assert all(result.rejected["reason"])
        return
    row = result.rows.row(0, named=True)
    for column in IN_RECORD:
        value: Any = record
        for name in column.paths[0]:
            value = value.get(name) if isinstance(value, dict) else None
        assert row[column.name] == meant(column, value), column.name
    assert (json.loads(row["_extra"]) if row["_extra"] else {}) == without_columns(record)
    assert (row["campaign_id"], row["_extracted_at"], row["_deleted_at"]) == ("cam_1", READ_AT, None)


@given(records=st.lists(session_records(), max_size=4, unique_by=lambda record: record["session"]))
@settings(max_examples=100, deadline=None)
def test_a_record_is_refused_for_what_it_is_and_not_for_its_company(records: list[dict[str, Any]]) -> None:
    alone = [read([record]).refused for record in records]
    together = read(records)
    assert together.refused == sum(alone)
    assert together.rows["session_id"].to_list() == [
        record["session"] for record, refused in zip(records, alone, strict=True) if not refused
    ]


@given(record=session_records())
@settings(max_examples=300, deadline=None)
def test_pydantic_refuses_exactly_what_the_columns_refuse(record: dict[str, Any]) -> None:
    as_written = msgspec.json.Decoder(float_hook=str).decode(json.dumps(record))
    assert bool(CouponSession.reasons(as_written)) == bool(read([record]).refused)


@given(
    texts_of=st.lists(
        st.dictionaries(st.sampled_from(["ID", "code", "name", "title", "status", "url"]), texts | st.none()),
        max_size=5,
    )
)
def test_the_fast_way_and_the_exact_way_read_the_same(texts_of: list[dict[str, str | None]]) -> None:
    content = json.dumps(texts_of).encode()
    fast, slow = plain(content, Campaign), exact(content, Campaign)
    assert fast is not None
    assert fast.columns.equals(slow.columns)
    assert fast.extra.equals(slow.extra)
    assert not slow.unfit.any()


@pytest.mark.parametrize(
    "record",
    [
        session(1, extra_field="x"),
        session(1, status={"opened": 1}),
        session(1, user=[]),
        {"session": "a", "status": {"made_up": "x"}},
        {"session": 5},
    ],
)
def test_the_fast_way_takes_no_page_that_it_would_have_to_change(record: dict[str, Any]) -> None:
    assert plain(json.dumps([session(2), record]).encode(), CouponSession) is None


def test_a_value_in_two_places_is_kept_twice() -> None:
    page = Page(Unit(SESSIONS), 1, b'[{"ID":"cam_1","id":7},{"id":8}]', READ_AT)
    rows = normalise(page, Campaign, {}).rows
    assert rows.select("campaign_id", "_extra").rows() == [("cam_1", '{"id":7}'), ("8", None)]


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
    found = reasons(session(1, status=status))
    assert len(found) == 1
    assert found[0].startswith(reason)


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
    assert (result.records, result.refused) == (6, 5)


def test_a_text_of_ten_megabytes_is_kept() -> None:
    rows = read([session(1, user={"firstname": "x" * 10_000_000})]).rows
    assert rows["first_name"].str.len_bytes().to_list() == [10_000_000]


def test_an_empty_page_has_the_columns_of_the_table() -> None:
    result = read([])
    assert result.rows.schema == CouponSession.schema_of_frames()
    assert result.rejected.schema == Quarantine.schema_of_frames()
    assert isinstance(result.rows, pl.DataFrame)
