"""Any record comes back whole: value by value from the table and `_extra`, or from quarantine."""

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.catalogue import ASSETS
from assets.normalise.exact_json import parse_any_page
from assets.normalise.fast_json import parse_plain_page
from assets.normalise.normalise import NormalisedPage, PageNormaliser
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from assets.tables.directories import Directory
from assets.tables.directory_registrations import DirectoryRegistration
from assets.tables.quarantine import Quarantine
from assets.tables.table import Column, Table
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from tests.support.accounts import session
from tests.support.examples import examples

READ_AT = datetime(2026, 1, 2, 3, 4, 5, 678)
SESSIONS = choose_endpoints("")["sessions"]


def read(records: bytes | list[Any], table: type[Table] = CouponSession) -> NormalisedPage:
    content = records if isinstance(records, bytes) else json.dumps(records).encode()
    slice_ = Slice(SESSIONS, "cam_1", constants=constants_of(table))
    return PageNormaliser(table).normalise(Page(slice_, 1, content, READ_AT))


def constants_of(table: type[Table]) -> dict[str, str]:
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
        "0000-01-01 00:00:00",
        "1000-01-01 00:00:00",
        "9999-12-31 23:59:59",
        20260101,
    ]
)
numbers = (
    st.integers(-(2**70), 2**70)
    | st.from_regex(r"\A-?[0-9]{1,20}(\.[0-9]{1,6})?\Z")
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.just("1e3")
)
dates = st.sampled_from(
    ["", "0000-00-00", None, "1990-02-28", "1990-02-29", "1990-2-1", "28/02/1990", "9999-12-31", "0999-12-31", 1990]
)
moments = times | st.sampled_from(
    [
        "2026-01-01T10:00:00Z",
        "2026-01-01T10:00:00.123456+02:00",
        "2026-01-01 10:00:00.5",
        "2026-01-01T10:00:00+25:00",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59.999999+00:01",
        "1000-01-01T00:00:00+14:00",
    ]
)
nothing: st.SearchStrategy[Any] = st.sampled_from([[], {}])


def field_values(column: Column) -> st.SearchStrategy[Any]:
    """Values for a column: those that it can hold, those that it nearly can, and any others."""
    likely: st.SearchStrategy[Any] = {
        "BOOLEAN": flags,
        "TIMESTAMP": moments,
        "DATE": dates,
        "BIGINT": numbers,
        "DECIMAL(18,4)": numbers,
    }.get(column.type.sql, texts | st.integers())
    return st.one_of(likely, likely, likely, values, nothing)


def record_columns(table: type[Table]) -> list[Column]:
    return [column for column in table.columns() if column.paths]


@st.composite
def records_of(draw: st.DrawFn, table: type[Table]) -> dict[str, Any]:
    """A record with its key, some other declared fields in any of their places, and undeclared ones anywhere."""
    record: dict[str, Any] = {}
    keys = [column for column in record_columns(table) if column.name in table.KEY]
    others = [column for column in record_columns(table) if column.name not in table.KEY]
    for column in keys + draw(st.lists(st.sampled_from(others), max_size=8, unique_by=lambda other: other.name)):
        value = texts.filter(bool) if column in keys else field_values(column)
        places = st.lists(st.sampled_from(column.paths), min_size=1, max_size=2, unique=True)
        for *above, name in draw(places if draw(st.integers(0, 4)) == 0 else st.sampled_from(column.paths).map(_alone)):
            here = record
            for part in above:
                here = here.setdefault(part, {})
            here[name] = draw(value)
    unknown = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    record |= {f"x{name}": value for name, value in draw(st.dictionaries(unknown, values, max_size=2)).items()}
    for group in {path[0] for column in record_columns(table) for path in column.paths if len(path) > 1}:
        if draw(st.booleans()) and isinstance(record.get(group), dict):
            record[group] |= {
                f"x{name}": value for name, value in draw(st.dictionaries(unknown, values, max_size=2)).items()
            }
        elif draw(st.integers(0, 9)) == 0:
            record[group] = draw(values.filter(lambda value: not isinstance(value, dict)) | st.just(False))
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
    """What a value of the API says in a column, computed independently of the code under test."""
    if (
        value is None
        or value in ([], {})
        or value in ("", "0000-00-00 00:00:00")
        or (column.type.sql == "DATE" and value == "0000-00-00")
    ):
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
    declared = {path for column in record_columns(table) for path in column.paths}
    groups = {path[0] for path in declared if len(path) > 1}
    left: dict[str, Any] = {}
    for name, value in record.items():
        if name in groups and isinstance(value, dict):
            rest = {inner: part for inner, part in value.items() if (name, inner) not in declared or part in ([], {})}
            left |= {name: rest} if rest else {}
        elif value in ([], {}) or ((name,) not in declared and not (name in groups and value is None)):
            left[name] = value
    for column in record_columns(table):
        passed_over = [path for path in column.paths if path != place_of(column, record)]
        left |= {".".join(path): at(record, path) for path in passed_over if at(record, path) not in (None, [], {})}
    return left


@pytest.mark.parametrize("table", ASSETS, ids=lambda table: table.TABLE)
@given(data=st.data())
@examples(15)
def test_a_record_comes_back_whole_from_the_table_or_from_quarantine(table: type[Table], data: st.DataObject) -> None:
    record = data.draw(records_of(table))
    result = read([record], table)
    assert result.records == 1
    if len(result.rejected):
        assert result.rows.is_empty()
        assert [json.loads(text) for text in result.rejected["record"]] == [record] * len(result.rejected)
        assert all(result.rejected["reason"])
        assert result.rejected.select("table_name", "endpoint", "parent_id", "page").unique().rows() == [
            (table.TABLE, "v3/campaign/data", "cam_1", 1)
        ]
        return
    row = result.rows.row(0, named=True)
    for column in record_columns(table):
        assert row[column.name] == meant(column, at(record, place_of(column, record))), column.name
    assert (json.loads(row["_extra"]) if row["_extra"] else {}) == without_columns(record, table)
    assert {name: row[name] for name in constants_of(table)} == constants_of(table)
    assert (row["_extracted_at"], row["_deleted_at"]) == (READ_AT, None)


@pytest.mark.parametrize("table", ASSETS, ids=lambda table: table.TABLE)
@given(data=st.data())
@examples(10)
def test_pydantic_refuses_exactly_what_the_columns_refuse(table: type[Table], data: st.DataObject) -> None:
    record = data.draw(records_of(table))
    as_written = msgspec.json.Decoder(float_hook=str).decode(json.dumps(record))
    is_rejected = bool(len(read([record], table).rejected))
    assert bool(table.reasons(as_written)) == is_rejected or _has_two_places_filled(record, table)


def _has_two_places_filled(record: dict[str, Any], table: type[Table]) -> bool:
    """Whether a column has: pydantic looks at the first of them, the columns at the first that is of a good type."""
    return any(sum(at(record, path) is not None for path in column.paths) > 1 for column in record_columns(table))


def session_records() -> st.SearchStrategy[dict[str, Any]]:
    return records_of(CouponSession)


@given(records=st.lists(session_records(), max_size=4, unique_by=lambda record: record["session"]))
@examples(20)
def test_a_record_is_refused_for_what_it_is_and_not_for_its_company(records: list[dict[str, Any]]) -> None:
    alone = [len(read([record]).rejected_keys) for record in records]
    together = read(records)
    assert len(together.rejected_keys) == sum(alone)
    assert together.rows["session_id"].to_list() == [
        record["session"] for record, rejected in zip(records, alone, strict=True) if not rejected
    ]


PIECES = ["a", "é", "😀", "{", "}", "},{", ":", ",", "[]", *(rf"\{letter}" for letter in '"\\/bfnrt')]
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


def spelt(draw: st.DrawFn, name: str) -> str:
    """A name as it stands in a page, now and then with an escape."""
    return f"\\u{ord(name[0]):04x}{name[1:]}" if draw(st.integers(0, 19)) == 0 else name


@st.composite
def objects_of(draw: st.DrawFn, members: dict[str, st.SearchStrategy[str]]) -> str:
    """An object with some of the members, as it may stand in a page."""
    names = draw(st.lists(st.sampled_from(sorted(members)), unique=draw(st.booleans()), max_size=5))
    pairs = [f'{draw(gaps)}"{spelt(draw, name)}"{draw(gaps)}:{draw(gaps)}{draw(members[name])}' for name in names]
    return "{" + ",".join(pairs) + "}"


OTHERS = [
    "null",
    '{"a":1,"a":2}',
    '[{"b":null,"b":{}}]',
    r'"\":null"',
    '{"\\\\":1}',
    "true",
    "false",
    "[]",
    "{}",
    '[1, {"a" : "b"}]',
    '{"a":[null,2.0]}',
    "[[[1]]]",
    '{"a":"\\ud83d"}',
]
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
@examples(60)
def test_the_fast_way_reads_what_the_exact_way_reads_or_nothing(
    records: list[str], gap: str, knows_others: bool
) -> None:
    page = f"{gap}[{f'{gap},{gap}'.join(records)}]{gap}".encode()
    slow = parse_any_page(page, CouponSession)
    fast = parse_plain_page(page, CouponSession, UNDECLARED if knows_others else frozenset())
    if fast:
        assert fast.columns.equals(slow.columns)
        assert fast.extra.equals(slow.extra)
        assert fast.new_fields == slow.new_fields
        assert not slow.unfit.any()


@given(
    texts_of=st.lists(
        st.dictionaries(
            st.sampled_from(["ID", "code", "name", "title", "status", "url"]),
            st.none() | texts.filter(lambda text: not text.startswith(":")),
        ),
        max_size=5,
    ),
    ascii_only=st.booleans(),
)
def test_pages_of_texts_are_read_the_fast_way(texts_of: list[dict[str, str | None]], ascii_only: bool) -> None:
    content = json.dumps(texts_of, ensure_ascii=ascii_only).encode()
    assert parse_plain_page(content, Campaign, frozenset()) is not None
    assert parse_plain_page(content.replace(b"/", rb"\/"), Campaign, frozenset()) is not None


@pytest.mark.parametrize(
    "record",
    [
        session(1, extra_field="x"),
        session(1, customid=True),
        session(1, user=[]),
        session(1, user=False),
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
    assert parse_plain_page(json.dumps([session(2), record]).encode(), CouponSession, frozenset()) is None


def test_a_value_in_two_places_is_kept_twice() -> None:
    page = Page(Slice(SESSIONS), 1, b'[{"ID":"cam_1","id":7},{"id":8}]', READ_AT)
    rows = PageNormaliser(Campaign).normalise(page).rows
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


TWICE = (
    '{"session":"a","status":{"open_date_utc":"2026-01-06 10:00:00","open_date_utc":"2026-01-07 10:00:00"},'
    r'"customid":"x","\u0063ustomid":"","zz":[{"k":1,"k":2}],"zz":null}'
)


@pytest.mark.parametrize(
    "beside", ["", ',{"session":"b","zz":true}', ',{"session":"c","\\ud800":1}', ',{"session":5e1}']
)
def test_of_a_name_that_stands_twice_the_last_value_counts_and_the_others_are_kept(beside: str) -> None:
    rows = read(f"[{TWICE}{beside}]".encode()).rows.filter(pl.col("session_id") == "a")
    assert rows.select("opened_at", "custom_id").rows() == [(datetime(2026, 1, 7, 10), "x")]
    assert json.loads(rows["_extra"][0]) == {
        "status": {"repeated.open_date_utc": ["2026-01-06 10:00:00"]},
        "zz": [{"k": 2, "repeated.k": [1]}],
    }


def test_an_object_that_stands_twice_and_a_name_that_is_taken_lose_nothing() -> None:
    rows = read(b'[{"session":"a","user":{"email":"a"},"user":{"email":"b"},"repeated.user":1}]').rows
    assert rows["email"].to_list() == ["b"]
    assert json.loads(rows["_extra"][0]) == {"repeated.user": 1, "repeated.repeated.user": [{"email": "a"}]}


@st.composite
def repeating(draw: st.DrawFn, depth: int = 3) -> str:
    """An object whose names may stand twice at any depth, with a value of its own at each place."""
    names = draw(
        st.lists(st.sampled_from(["session", "customid", "status", "user", "value", "email", "q"]), max_size=5)
    )
    pairs = []
    for name in names:
        is_deeper = depth > 0 and (name in ("status", "user", "q"))
        inner = draw(repeating(depth - 1)) if is_deeper else f'"v{draw(st.uuids())}"'
        pairs.append(f'"{spelt(draw, name)}":{f"[{inner}]" if name == "q" else inner}')
    return "{" + ",".join(pairs) + "}"


@given(records=st.lists(repeating(), min_size=1, max_size=2, unique=True))
@examples(15)
def test_no_value_of_a_name_that_stands_twice_is_lost_whatever_stands_beside_it(records: list[str]) -> None:
    together = read(f"[{','.join([*records, NEIGHBOUR])}]".encode())
    assert together.rows["session_id"].to_list()[-1:] == ["neighbour"]
    alone = [read(f"[{record}]".encode()) for record in records]
    assert pl.concat([page.rows for page in alone]).equals(together.rows.head(-1))
    assert pl.concat([page.rejected for page in alone])["record"].sort().equals(together.rejected["record"].sort())
    kept = "".join(frame.write_json() for frame in (together.rows, together.rejected))
    assert all(value in kept for record in records for value in re.findall(r"v[0-9a-f-]{36}", record))


NEIGHBOUR = '{"session":"neighbour","zz":1e400}'
"""A record that no page can be read with the fast way."""


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
