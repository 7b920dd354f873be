"""The audit: writes queries that each count what is wrong in the stage, and runs them together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from resources.warehouse.engine import Engine
from resources.warehouse.live_rows import RowCounts, count_rows, published_rows
from resources.warehouse.schema import Month, TableSchema
from resources.warehouse.sql import execute_counting, query_repeated, quoted_name, quoted_names
from resources.warehouse.stage_tables import open_tables
from resources.warehouse.warehouse_id import read_staged_id

T = TypeVar("T")


@dataclass(frozen=True)
class LiveRows:
    """Rows of a table that are still in the account: as staged, and as last published, if ever."""

    staged: int
    published: int | None
    lost: int
    """Published live rows that the next publish would no longer have as live; new rows do not make up for them."""


@dataclass(frozen=True)
class Audited:
    """The results of the queries by their names, the live rows by table, and the id of the warehouse."""

    wrong: Mapping[Any, int]
    live: dict[str, LiveRows]
    warehouse: str


def ask_stage(
    engine: Engine, tables: Collection[TableSchema], queries: Mapping[T, str], live: Collection[TableSchema]
) -> Audited:
    """Run queries on `tables` of the stage, and count the rows of the tables `live`. Raises WarehouseError."""
    with open_tables(engine, *tables) as connection:
        wrong = {name: execute_counting(connection, query) for name, query in queries.items()}
        return Audited(wrong, _compare_live_rows(connection, live), read_staged_id(connection))


def _compare_live_rows(connection: duckdb.DuckDBPyConnection, tables: Collection[TableSchema]) -> dict[str, LiveRows]:
    """Count live rows; the published ones as noted in the stage, because the published file may be in use."""
    published = published_rows(connection)
    return {table.name: _compare(count_rows(connection, table.name), published.get(table.name)) for table in tables}


def _compare(staged: RowCounts, published: RowCounts | None) -> LiveRows:
    if published is None:
        return LiveRows(staged.live, None, 0)
    deleted = (staged.deleted or 0) - published.deleted if published.deleted is not None else 0
    return LiveRows(staged.live, published.live, max(deleted, published.live - staged.live, 0))


def query_repeated_keys(table: TableSchema) -> str:
    """Write a query that counts the keys that stand in more than one row."""
    return f"SELECT count(*) FROM ({query_repeated(quoted_name(table.name), table.key)})"


def query_later_than_read(table: TableSchema, dates: Month) -> str:
    """Write a query that counts the rows with one of the dates more than an hour after the row was read."""
    latest = quoted_names((dates.column, *dates.otherwise))
    return f"SELECT count(*) FROM {quoted_name(table.name)} WHERE greatest({latest}) > _extracted_at + INTERVAL 1 HOUR"


def query_before_first_date(table: TableSchema, dates: Month) -> str:
    """Write a query that counts the rows with another date before that of `dates.column`, which should be the first."""
    earliest = quoted_names(dates.otherwise)
    return f"SELECT count(*) FROM {quoted_name(table.name)} WHERE least({earliest}) < {quoted_name(dates.column)}"


def query_without_parent(table: TableSchema, column: str, parent: TableSchema) -> str:
    """Write a query that counts the live rows whose parent, named by a column, has no row in the parents' table.

    If that table has no rows, none are counted.
    """
    name, parents = quoted_name(table.name), quoted_name(parent.name)
    is_known = f"{quoted_name(column)} IN (SELECT {quoted_name(parent.key[0])} FROM {parents})"
    return f"SELECT count(*) FROM {name} WHERE _deleted_at IS NULL AND NOT {is_known} AND EXISTS (FROM {parents})"
