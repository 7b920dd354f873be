"""Values that an older version kept in `_extra` move to new columns: what comes out is what a new read gives."""

import json
import shutil
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from assets.ingest.personal_data import Redactor
from assets.normalise.normalise import PageNormaliser
from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from resources.settings import PersonalData
from resources.warehouse import text_parts
from resources.warehouse.columns import create_table, migrate_columns
from resources.warehouse.merge import MergePlan, merge
from resources.warehouse.origin import Origin, write_staged_origin
from resources.warehouse.place import Place
from resources.warehouse.stage_format import create_state_tables
from resources.warehouse.suppression import SuppressionList, keyed_hash
from resources.warehouse.text_parts import read_texts
from resources.warehouse.warehouse import Warehouse
from tests.support.accounts import session
from tests.support.examples import examples
from tests.support.queries import in_database, in_parquet
from tests.support.small_table import ACCOUNT, done, open_batch, publish

KEY = "a key that nobody else has, of 32 characters or more"
NEW = {
    name
    for name in CouponSession.model_fields
    if name.startswith(("redeem_location_", "utm_", "saved_to_", "is_saved_to_google"))
} | {"inner_custom_id", "unvoided_at", "unlocked_at", "expires_at_local"}
"""The columns that the version before did not have."""

IN_SEVERAL_PLACES = {"first_name", "language", "is_opted_in", "custom_field_1"}
"""Columns whose value is in the object `user` of a record, or else beside it."""


def older_without(names: Set[str]) -> type[Table]:
    """The table of a version that did not have these columns."""
    known = {name: (field.annotation, field) for name, field in CouponSession.model_fields.items() if name not in names}
    older: type[Table] = create_model("Older", __base__=Table, **known)  # type: ignore[call-overload]  # fields of a mapping
    older.TABLE, older.KEY, older.SOURCE = CouponSession.TABLE, CouponSession.KEY, CouponSession.SOURCE
    return older


Older = older_without(NEW)
OlderOfSeveralPlaces = older_without(IN_SEVERAL_PLACES)
SCHEMA = CouponSession.schema_of_table()
FIELDS = {column.paths[0][-1]: column for column in SCHEMA.columns if column.name in NEW}


class Stream:
    """A frame that DuckDB reads without pyarrow."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.frame.__arrow_c_stream__(requested_schema)


def read_with(table: type[Table], records: list[dict[str, Any]], policy: PersonalData) -> pl.DataFrame:
    """The rows of a page as they are written under a policy."""
    slice_ = Slice(choose_endpoints("")["sessions"], "cam_1", constants={"campaign_id": "cam_1"})
    page = PageNormaliser(table).normalise(Page(slice_, 1, msgspec.json.encode(records), datetime(2026, 1, 1)))
    redactor = Redactor.over(table, policy, SuppressionList(b"salt"))
    keys = page.rows.select("session_id")
    rejected = Quarantine.schema_of_frames().to_frame()
    return redactor.redact(page.rows, rejected, keys)[0] if redactor else page.rows


def upgraded(rows: pl.DataFrame, policy: PersonalData, older: type[Table] = Older) -> pl.DataFrame:
    """What becomes of a table of an older version."""
    with duckdb.connect() as connection:
        create_state_tables(connection)
        write_staged_origin(connection, Origin("account", policy.label))
        create_table(connection, older.schema_of_table())
        connection.register("rows", Stream(rows))
        connection.execute("INSERT INTO coupon_sessions BY NAME FROM rows")
        migrate_columns(connection, SCHEMA, Place("data", "folder", "COUPONTOOLS_DATA_DIR"))
        return pl.DataFrame(connection.sql("FROM coupon_sessions ORDER BY sequence_id"))


def test_rows_whose_numbers_lie_far_apart_are_read_in_few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_parts, "ROWS_AT_A_TIME", 2)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE far AS SELECT i * 1_000_000 AS number, 'a' || i AS text FROM range(5) AS n(i)")
        connection.execute("UPDATE far SET text = NULL WHERE number = 0")
        parts = [part.rows() for part in read_texts(connection, "far", "number", ["text"])]
    assert sorted(row for part in parts for row in part) == [(n * 1_000_000, f"a{n}") for n in range(1, 5)]
    assert [len(part) for part in parts] == [2, 2]


Rows: TypeAlias = dict[str, dict[str, Any]]


def both_ways(records: list[dict[str, Any]], policy: PersonalData) -> tuple[Rows, Rows, Rows]:
    """By session: its status, its row of the older version as it was moved, and as it is read afresh, if it fits."""
    after = upgraded(read_with(Older, records, policy), policy)
    statuses: Rows = {record["session"]: record["status"] for record in records}
    return statuses, by_session(after), by_session(read_with(CouponSession, records, policy))


def by_session(rows: pl.DataFrame) -> Rows:
    """The rows by their session, `_extra` as a value."""
    return {row["session_id"]: row | {"_extra": left} for row, left in zip(rows.to_dicts(), extras(rows), strict=True)}


def extras(rows: pl.DataFrame) -> list[Any]:
    """The column `_extra` as values."""
    return [text and json.loads(text) for text in rows["_extra"]]


TEXTS = st.sampled_from(["", "0000-00-00 00:00:00", "x", 'a "b" \\', "é\n", "0", "1", "2026-03-02 02:00:00", "None"])
VALUES = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([[], {}, [1], {"a": "utm_source"}]),
)  # fmt: skip
STATUSES = st.dictionaries(st.sampled_from([*FIELDS, "brand_new", "redeem_location_fax"]), VALUES)
POLICIES = {
    "keep": PersonalData(personal_data="keep"),
    "hash": PersonalData.model_validate({"personal_data": "hash", "personal_data_key": KEY}),
    "drop": PersonalData(personal_data="drop"),
}


def records_of(statuses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        session(number, status=status, **({"other": status["brand_new"]} if "brand_new" in status else {}))
        for number, status in enumerate(statuses)
    ]


@examples(4)
@given(st.lists(STATUSES, min_size=1, max_size=24))
def test_what_moves_equals_what_is_read_afresh(statuses: list[Mapping[str, Any]]) -> None:
    before, after, afresh = both_ways(records_of(statuses), POLICIES["keep"])
    for session_id, row in after.items():
        if session_id in afresh:
            assert row == afresh[session_id]
        else:  # a new read rejects it: each value is in its column, or stays
            status, left = before[session_id], (row["_extra"] or {}).get("status", {})
            for name, column in FIELDS.items():
                assert row[column.name] is not None or name in left or status.get(name) in (None, *column.empty)


@pytest.mark.parametrize("policy", ["hash", "drop"])
@examples(3)
@given(statuses=st.lists(STATUSES, min_size=1, max_size=16))
def test_of_redacted_values_only_those_move_that_a_new_read_gives(
    policy: str, statuses: list[Mapping[str, Any]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUPONTOOLS_PERSONAL_DATA", policy)
        patch.setenv("COUPONTOOLS_PERSONAL_DATA_KEY", KEY)
        before, after, afresh = both_ways(records_of(statuses), POLICIES[policy])
    for session_id, row in after.items():
        left = (row["_extra"] or {}).get("status", {})
        for name, column in FIELDS.items():
            if row[column.name] is not None:
                assert column.personal
            if name in before[session_id] and name not in left and session_id in afresh:
                assert row[column.name] == afresh[session_id][column.name]


def test_a_hashed_text_moves_and_one_that_says_nothing_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA", "hash")
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA_KEY", KEY)
    policy = POLICIES["hash"]
    statuses: list[Mapping[str, Any]] = [
        {"customid": "member 7", "utm_source": "mail"},
        {"customid": "", "utm_source": None},
    ]
    after = upgraded(read_with(Older, records_of(statuses), policy), policy)
    assert after["inner_custom_id"].to_list() == [keyed_hash(KEY.encode(), "member 7"), None]
    assert after["utm_source"].to_list() == [None, None]
    assert extras(after) == [{"status": {"utm_source": keyed_hash(KEY.encode(), "mail")}}, None]


FIELDS_OF_USER = {
    "firstname": "first_name",
    "language": "language",
    "optin": "is_opted_in",
    "customfield1": "custom_field_1",
}
PLACES = st.tuples(*[st.dictionaries(st.sampled_from([*FIELDS_OF_USER]), VALUES)] * 2)


@pytest.mark.parametrize("policy", ["keep", "hash", "drop"])
@examples(4)
@given(places=st.lists(PLACES, min_size=1, max_size=24))
def test_the_first_place_that_has_a_value_fills_the_column_as_in_a_new_read(
    policy: str, places: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    older = OlderOfSeveralPlaces
    records = [session(number, user=inner, **outer) for number, (inner, outer) in enumerate(places)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUPONTOOLS_PERSONAL_DATA", policy)
        patch.setenv("COUPONTOOLS_PERSONAL_DATA_KEY", KEY)
        after = by_session(upgraded(read_with(older, records, POLICIES[policy]), POLICIES[policy], older))
    afresh = by_session(read_with(CouponSession, records, POLICIES[policy]))
    for session_id in after.keys() & afresh.keys():
        row, new = after[session_id], afresh[session_id]
        if policy == "keep":
            assert row == new
        for name in IN_SEVERAL_PLACES:
            assert row[name] in (None, new[name])


def test_of_two_places_the_first_moves_and_the_other_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA", "keep")
    older = OlderOfSeveralPlaces
    records = [
        session(1, user={"language": "nl"}, language="fr"),
        session(2, user={"shoes": 43}, language="fr"),
        session(3, user={"language": None}, language="fr"),
        session(4, user={"language": False}, language="fr"),
        session(5, user={"language": False}),
        session(6, user={"language": ""}, language="fr"),
    ]
    after = upgraded(read_with(older, records, POLICIES["keep"]), POLICIES["keep"], older)
    assert after["language"].to_list() == ["nl", "fr", "fr", "fr", None, "fr"]
    assert extras(after) == [
        {"language": "fr"},
        {"user": {"shoes": 43}},
        None,
        {"user.language": False},
        {"user": {"language": False}},
        {"user.language": ""},
    ]


@pytest.mark.files
@pytest.mark.parametrize("lost", [[], [".state"], [".state", "coupontools.duckdb"]])
def test_the_next_publish_brings_out_what_moved(tmp_path: Path, lost: list[str]) -> None:
    warehouse = Warehouse(tmp_path / "data")
    statuses: list[Mapping[str, Any]] = [
        {"utm_source": "mail", "expiration_date": "2026-03-02 02:00:00", "redeem_location_fax": "1.50"},
        {"utm_source": "", "expiration_date": "never"},
        {"saved_to_passbook": "1"},
    ]
    with open_batch(warehouse) as batch:
        batch.add(read_with(Older, records_of(statuses), POLICIES["keep"]), Quarantine.schema_of_frames().to_frame())
        batch.complete(done())
        batch.flush()
        merge(warehouse.engine, batch, MergePlan(Older.schema_of_table(), Quarantine.schema_of_table(), ACCOUNT))
    publish(warehouse, [Older.schema_of_table(), Quarantine.schema_of_table()])
    for name in lost:
        path = warehouse.folder.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    publish(warehouse, [SCHEMA, Quarantine.schema_of_table()])
    moved = "utm_source, expires_at_local, is_saved_to_apple_wallet, _extra"
    rows = [
        ("mail", datetime(2026, 3, 2, 2), False, '{"status":{"redeem_location_fax":"1.50"}}'),
        (None, None, False, '{"status":{"expiration_date":"never"}}'),
        (None, None, True, None),
    ]
    root = warehouse.folder.root
    assert in_database(root, f"SELECT {moved} FROM coupon_sessions ORDER BY sequence_id") == rows
    assert [row[1:] for row in in_parquet(root, "coupon_sessions", f"sequence_id, {moved}")] == rows
