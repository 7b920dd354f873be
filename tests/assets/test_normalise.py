"""Any record comes back whole: value by value from the table and `_extra`, or from quarantine."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.catalogue import ASSETS
from assets.normalise import Normalised, normalise
from assets.plain import plain
from assets.records import exact
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from assets.tables.table import Column, Table
from resources.coupontools.endpoints import choose
from resources.coupontools.page import Page
from resources.coupontools.questions import Unit
from tests.accounts import session

READ_AT = datetime(2026, 1, 2, 3, 4, 5, 678)
SESSIONS = choose("")["sessions"]


def read(records: bytes | list[Any], table: type[Table] = CouponSession) -> Normalised:
    content = records if isinstance(records, bytes) else json.dumps(records).encode()
    return normalise(Page(Unit(SESSIONS, "cam_1"), 1, content, READ_AT), table, given_to(table))


def given_to(table: type[Table]) -> dict[str, str]:
    """The values of the columns that do not stand in a record."""
    return {column.name: "cam_1" for column in table.columns() if not column.paths}


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
dates = st.sampled_from(["", "0000-00-00", None, "1990-02-28", "1990-02-29", "1990-2-1", "28/02/1990", 1990])
moments = times | st.sampled_from(
    ["2026-01-01T10:00:00Z", "2026-01-01T10:00:00.123456+02:00", "2026-01-01 10:00:00.5", "2026-01-01T10:00:00+25:00"]
)


def field_values(column: Column) -> st.SearchStrategy[Any]:
    """Values for a column: those that it can hold, those that it nearly can, and any others."""
    likely: st.SearchStrategy[Any] = {
        "BOOLEAN": flags,
        "TIMESTAMP": moments,
        "DATE": dates,
        "BIGINT": numbers,
        "DECIMAL(18,4)": numbers,
    }.get(column.type.sql, texts | st.integers())
    return st.one_of(likely, likely, likely, values)


def in_record(table: type[Table]) -> list[Column]:
    return [column for column in table.columns() if column.paths]


@st.composite
def records_of(draw: st.DrawFn, table: type[Table]) -> dict[str, Any]:
    """A record with its key, some other declared fields in any of their places, and undeclared ones anywhere."""
    record: dict[str, Any] = {}
    keys = [column for column in in_record(table) if column.name in table.KEY]
    others = [column for column in in_record(table) if column.name not in table.KEY]
    for column in keys + draw(st.lists(st.sampled_from(others), max_size=8, unique_by=lambda each: each.name)):
        value = texts.filter(bool) if column in keys else field_values(column)
        places = st.lists(st.sampled_from(column.paths), min_size=1, max_size=2, unique=True)
        for *above, name in draw(places if draw(st.integers(0, 4)) == 0 else st.sampled_from(column.paths).map(_alone)):
            here = record
            for part in above:
                here = here.setdefault(part, {})
            here[name] = draw(value)
    unknown = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    record |= {f"x{name}": value for name, value in draw(st.dictionaries(unknown, values, max_size=2)).items()}
    for group in {path[0] for column in in_record(table) for path in column.paths if len(path) > 1}:
        if draw(st.booleans()) and isinstance(record.get(group), dict):
            record[group] |= {
                f"x{name}": value for name, value in draw(st.dictionaries(unknown, values, max_size=2)).items()
            }
        elif draw(st.integers(0, 9)) == 0:
            record[group] = draw(values.filter(lambda value: not isinstance(value, dict)))
    return record


def _alone(path: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [path]


def at(record: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def place_of(column: Column, record: dict[str, Any]) -> tuple[str, ...]:
    """The place of a record that a column takes: the first that holds neither null nor a list or an object."""
    return next((path for path in column.paths if is_scalar(column, at(record, path))), column.paths[0])


def is_scalar(column: Column, value: Any) -> bool:
    return isinstance(value, str | int | float) and not (isinstance(value, bool) and column.type.sql == "VARCHAR")


def meant(column: Column, value: Any) -> Any:
    """What a value of the API says in a column, told independently of the code under test."""
    if value is None or value in ("", "0000-00-00 00:00:00") or (column.type.sql == "DATE" and value == "0000-00-00"):
        return None
    match column.type.sql:
        case "BOOLEAN":
            return value in ("1", "true", 1)
        case "TIMESTAMP":
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        case "DATE":
            return date.fromisoformat(value)
        case "BIGINT":
            return int(value)
        case "DECIMAL(18,4)":
            return Decimal(str(value))
        case _:
            return str(value)


def without_columns(record: dict[str, Any], table: type[Table]) -> dict[str, Any]:
    """What of a record must stand in `_extra`: undeclared fields, and second places of a column."""
    declared = {path for column in in_record(table) for path in column.paths}
    groups = {path[0] for path in declared if len(path) > 1}
    left: dict[str, Any] = {}
    for name, value in record.items():
        if name in groups and isinstance(value, dict):
            rest = {inner: each for inner, each in value.items() if (name, inner) not in declared}
            left |= {name: rest} if rest else {}
        elif (name,) not in declared and not (name in groups and value is None):
            left[name] = value
    for column in in_record(table):
        passed_over = [path for path in column.paths if path != place_of(column, record)]
        left |= {".".join(path): at(record, path) for path in passed_over if at(record, path) is not None}
    return left


@pytest.mark.parametrize("table", ASSETS, ids=lambda table: table.TABLE)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_record_comes_back_whole_from_the_table_or_from_quarantine(table: type[Table], data: st.DataObject) -> None:
    record = data.draw(records_of(table))
    result = read([record], table)
    assert result.records == 1
    if result.refused:
        assert result.rows.is_empty()
        assert [json.loads(text) for text in result.rejected["record"]] == [record] * len(result.rejected)
        assert all(result.rejected["reason"])
        assert result.rejected.select("table_name", "endpoint", "parent_id", "page").unique().rows() == [
            (table.TABLE, "v3/campaign/data", "cam_1", 1)
        ]
        return
    row = result.rows.row(0, named=True)
    for column in in_record(table):
        assert row[column.name] == meant(column, at(record, place_of(column, record))), column.name
    assert (json.loads(row["_extra"]) if row["_extra"] else {}) == without_columns(record, table)
    assert {name: row[name] for name in given_to(table)} == given_to(table)
    assert (row["_extracted_at"], row["_deleted_at"]) == (READ_AT, None)


@pytest.mark.parametrize("table", ASSETS, ids=lambda table: table.TABLE)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_pydantic_refuses_exactly_what_the_columns_refuse(table: type[Table], data: st.DataObject) -> None:
    record = data.draw(records_of(table))
    as_written = msgspec.json.Decoder(float_hook=str).decode(json.dumps(record))
    refused = bool(read([record], table).refused)
    assert bool(table.reasons(as_written)) == refused or _has_two_places_filled(record, table)


def _has_two_places_filled(record: dict[str, Any], table: type[Table]) -> bool:
    """Whether a column has: pydantic looks at the first of them, the columns at the first that is of a good type."""
    return any(sum(at(record, path) is not None for path in column.paths) > 1 for column in in_record(table))


def session_records() -> st.SearchStrategy[dict[str, Any]]:
    return records_of(CouponSession)


@given(records=st.lists(session_records(), max_size=4, unique_by=lambda record: record["session"]))
@settings(max_examples=35, deadline=None)
def test_a_record_is_refused_for_what_it_is_and_not_for_its_company(records: list[dict[str, Any]]) -> None:
    alone = [read([record]).refused for record in records]
    together = read(records)
    assert together.refused == sum(alone)
    assert together.rows["session_id"].to_list() == [
        record["session"] for record, refused in zip(records, alone, strict=True) if not refused
    ]


PIECES = ["a", "é", "😀", "{", "}", "},{", ":", ",", "[]", *(rf"\{each}" for each in '"\\/bfnrt')]
ESCAPES = [r"\u0041", r"\u0000", r"\u00e9", r"\ud83d\ude00", r"\ud83d", r"\ude00", r"\ude00\ud83d"]
NUMBERS = [
    "0",
    "-0",
    "7",
    "-12",
    "1.50",
    "1.5",
    "-0.000001",
    "999999999.999999",
    "1e3",
    "123456789012345678",
    "12345678901234567890",
]
string_tokens = st.lists(st.sampled_from(PIECES + ESCAPES), max_size=4).map(lambda pieces: f'"{"".join(pieces)}"')
gaps = st.sampled_from(["", "", "", " ", "\n\t"])


@st.composite
def objects_of(draw: st.DrawFn, members: dict[str, st.SearchStrategy[str]]) -> str:
    """An object with some of the members, as it may stand in a page."""
    names = draw(st.lists(st.sampled_from(sorted(members)), unique=True, max_size=5))
    told = [f'{draw(gaps)}"{name}"{draw(gaps)}:{draw(gaps)}{draw(members[name])}{draw(gaps)}' for name in names]
    return "{" + ",".join(told) + "}"


OTHERS = ["null", "true", "false", "[]", "{}", '[1, {"a" : "b"}]', '{"a":[null,2.0]}', "[[[1]]]", '{"a":"\\ud83d"}']
UNDECLARED = frozenset({"_x", "made_up", "user.made_up", "user.x.y", "status.a-b", "status"})
nearly_plain = string_tokens | st.sampled_from(NUMBERS) | st.sampled_from(OTHERS)
near_records = objects_of(
    {
        **dict.fromkeys(["session", "session_url", "customid", "email", "sequenceid", "made_up", "_x"], nearly_plain),
        "user": objects_of(dict.fromkeys(["email", "optin", "made_up", "x.y"], nearly_plain)) | st.just("7"),
        "status": objects_of(dict.fromkeys(["opened", "value", "a-b"], nearly_plain)) | st.just("null"),
    }
)


@given(records=st.lists(near_records, max_size=3), gap=gaps, knows_others=st.booleans())
@settings(max_examples=120, deadline=None)
def test_the_fast_way_reads_what_the_exact_way_reads_or_nothing(
    records: list[str], gap: str, knows_others: bool
) -> None:
    page = f"{gap}[{f'{gap},{gap}'.join(records)}]{gap}".encode()
    slow = exact(page, CouponSession)
    fast = plain(page, CouponSession, UNDECLARED if knows_others else frozenset())
    if fast:
        assert fast.columns.equals(slow.columns)
        assert fast.extra.equals(slow.extra)
        assert fast.new_fields == slow.new_fields
        assert not slow.unfit.any()


@given(
    texts_of=st.lists(
        st.dictionaries(st.sampled_from(["ID", "code", "name", "title", "status", "url"]), texts | st.none()),
        max_size=5,
    ),
    ascii_only=st.booleans(),
)
def test_pages_of_texts_are_read_the_fast_way(texts_of: list[dict[str, str | None]], ascii_only: bool) -> None:
    content = json.dumps(texts_of, ensure_ascii=ascii_only).encode()
    assert plain(content, Campaign, frozenset()) is not None
    assert plain(content.replace(b"/", rb"\/"), Campaign, frozenset()) is not None


@pytest.mark.parametrize(
    "record",
    [
        session(1, extra_field="x"),
        session(1, customid=True),
        session(1, user=[]),
        {"session": "a", "status": {"made_up": "x"}},
        {"session": 5.0},
        {"session": -0.0},
        {"session": "a", "user": {"email": "a"}, "email": "b"},
        {"session": "half a pair \ud83d"},
        5,
        None,
    ],
)
def test_the_fast_way_takes_no_page_that_it_would_have_to_change(record: Any) -> None:
    assert plain(json.dumps([session(2), record]).encode(), CouponSession, frozenset()) is None


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


def test_a_text_of_ten_megabytes_is_refused_and_kept_whole() -> None:
    records = [session(1, user={"firstname": "é" * 5_000_000}), session(2, user={"firstname": "é" * 500_000})]
    result = read(records)
    assert result.rows["first_name"].str.len_bytes().to_list() == [1_000_000]
    assert result.rejected["reason"].to_list() == ["user.firstname: Input should be a text of at most 1000000 bytes"]
    assert json.loads(result.rejected["record"][0]) == records[0]


def test_an_empty_page_has_the_columns_of_the_table() -> None:
    result = read([])
    assert result.rows.schema == CouponSession.schema_of_frames()
    assert result.rejected.schema == Quarantine.schema_of_frames()
    assert isinstance(result.rows, pl.DataFrame)
