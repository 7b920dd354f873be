"""Whatever a record holds comes back from the columns of its table, from `_extra` or from quarantine."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.table_assets import ASSETS
from assets.tables.coupon_sessions import CouponSession
from assets.tables.sms_groups import SmsGroup
from assets.tables.table import Column, Table
from tests.support.examples import examples
from tests.support.normalised_pages import READ_AT, constants_of, read, texts

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
)
flags = st.sampled_from(["0", "1", "true", "false", "", 0, 1, True, False, None, "2", "yes"])
times = st.sampled_from(
    [
        "",
        "0000-00-00 00:00:00",
        "0000-00-00",
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
    """The place of a record that a column takes: the first with a value, else the first with an empty text."""
    places = [path for path in column.paths if is_scalar(column, at(record, path))]
    filled = [path for path in places if at(record, path) not in column.type.empty]
    return next(iter(filled + places), column.paths[0])


def is_scalar(column: Column, value: Any) -> bool:
    return isinstance(value, str | int | float) and not (isinstance(value, bool) and column.type.sql == "VARCHAR")


def meant(column: Column, value: Any) -> Any:
    """What a value of the API says in a column, computed independently of the code under test."""
    if (
        value is None
        or value in ([], {})
        or value in ("", "0000-00-00 00:00:00")
        or (column.type.sql in ("DATE", "TIMESTAMP") and value == "0000-00-00")
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


@pytest.mark.parametrize(
    ("table", "record", "reasons"),
    [
        (SmsGroup, {"ID": "0000-00-00"}, []),
        (SmsGroup, {"ID": "gro_1", "name": "0000-00-00"}, []),
        (CouponSession, {"session": "a", "status": {"claim_date_utc": "0000-00-00"}}, []),
        (
            CouponSession,
            {"session": "a", "sequenceid": "0000-00-00"},
            ["sequenceid: Input should be a whole number of at most 19 digits, without leading zeros"],
        ),
    ],
)
def test_a_date_of_zeros_is_nothing_in_columns_of_dates_alone(
    table: type[Table], record: dict[str, Any], reasons: list[str]
) -> None:
    assert table.reasons(record) == reasons
    assert read([record], table).rejected["reason"].to_list() == reasons


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
