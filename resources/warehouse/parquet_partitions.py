"""Which file a row belongs to, and which files a merge has made out of date.

The files of a table are divided by the month of a date, by the value of a key column, or not at all. A row belongs
to the month of its date; one that is without it is recorded in `_state.<table>` with the month where it is put,
and stays there until its date is known.
"""

from collections.abc import Collection, Sequence

import duckdb

from resources.warehouse.schema import Month, TableSchema, Value
from resources.warehouse.sql import (
    equal_columns,
    execute_counting,
    is_empty,
    parquet_rows,
    quoted_name,
    quoted_names,
    quoted_text,
)

NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""The partition of a row that has none, as hive-partitioned files spell it; also that of undivided tables."""

EVERY_TABLE = "*"
"""Stands for all tables in `_state.changed`: which files still match a new stage is not known."""

MIN_ROWS_TO_SEARCH = 200_000
"""Of fewer rows, reading empty columns takes no longer than finding them."""

_TYPES_OF_NULL = {"VARCHAR": "ENUM ('')"}
"""Types of the same Parquet type whose nulls take less memory, and so less time: a byte instead of 16."""


def keep_months(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> None:
    """Record the month of rows of `incoming` without their date: the one they are in, or else that of another date.

    Call `note_changes` before, which notes where the rows are. Tables that are not divided by month have none.
    """
    month = table.files
    if not isinstance(month, Month):
        return
    name, keys = quoted_name(table.name), quoted_names(table.key)
    moment, same_key = quoted_name(month.column), equal_columns(table.key, f"_state.{name}", "months")
    count = execute_counting(
        connection,
        f"""
        CREATE TEMP TABLE months AS
        SELECT {keys}, coalesce(kept.month, {_first_month(month, "undated")}) AS put
        FROM (FROM incoming WHERE {moment} IS NULL) AS undated LEFT JOIN _state.{name} AS kept USING ({keys})
        WHERE put IS NOT NULL
        """,
    )
    if count:
        connection.execute(f"DELETE FROM _state.{name} USING months WHERE {same_key}")
        connection.execute(f"INSERT INTO _state.{name} FROM months")
        _note(connection, table, "SELECT put AS _partition FROM months")
    connection.execute("DROP TABLE months")


def _first_month(month: Month, relation: str) -> str:
    """Return the month of the earliest date of a row without its own, in SQL; null if it has none."""
    dates = ", ".join(f"{relation}.{quoted_name(column)}" for column in month.otherwise) or "NULL::TIMESTAMP"
    return f"strftime(least({dates}), '%Y-%m')"


def note_changes(connection: duckdb.DuckDBPyConnection, table: TableSchema, incoming: str) -> None:
    """Note which files are out of date with the rows of `incoming`: theirs, and those of the rows they replace.

    Only a month can differ between the two: a key stays in the file of its value.
    """
    _note(connection, table, _query_partitions(table, incoming))
    if table.key and table.date:
        old = f"(FROM {quoted_name(table.name)} SEMI JOIN {incoming} USING ({quoted_names(table.key)}))"
        _note(connection, table, _query_partitions(table, old))


def _note(connection: duckdb.DuckDBPyConnection, table: TableSchema, partitions: str) -> None:
    connection.execute(
        f"""
        INSERT INTO _state.changed
        SELECT DISTINCT {quoted_text(table.name)}, _partition FROM ({partitions})
        EXCEPT FROM _state.changed
        """
    )


def remember_months(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, month: Month, published: Sequence[str]
) -> None:
    """Restore the month of rows without their date from published files, where the private note of it is lost."""
    name, keys, moment = quoted_name(table.name), quoted_names(table.key), quoted_name(month.column)
    if is_empty(connection, f"{name} WHERE {moment} IS NULL"):
        return
    put = f"SELECT {keys}, NULL::VARCHAR AS month FROM {name} LIMIT 0"
    of_months = [file for file in published if file.split("/")[-2].startswith(f"{month.name}=")]
    if of_months:
        rows = parquet_rows(of_months, "filename = '_file'")
        place = f"nullif(regexp_extract(_file, '/{month.name}=([0-9-]+)/[^/]+$', 1), '')"
        put = f"SELECT {keys}, max({place}) AS month FROM {rows} GROUP BY {keys}"
    connection.execute(
        f"""
        INSERT INTO _state.{name}
        SELECT {keys}, coalesce(put.month, {_first_month(month, "undated")}) AS kept_month
        FROM (FROM {name} WHERE {moment} IS NULL) AS undated LEFT JOIN ({put}) AS put USING ({keys})
        WHERE kept_month IS NOT NULL
        """
    )


def partitions_changed(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> set[str]:
    """List the partitions of a table whose rows have changed since the last publish."""
    query = "SELECT partition FROM _state.changed WHERE table_name = ?"
    return {row[0] for row in connection.execute(query, [table.name]).fetchall()}


def is_new(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether nothing of this stage was published yet."""
    return bool(connection.execute("SELECT 1 FROM _state.changed WHERE table_name = ?", [EVERY_TABLE]).fetchall())


def partitions_of(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> set[str]:
    """List all partitions of a table; only `NO_PARTITION` for a table that is not divided."""
    if not table.files:
        return {NO_PARTITION}
    query = _query_partitions(table, quoted_name(table.name))
    return {row[0] for row in connection.execute(query).fetchall()}


def find_empty_columns(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> set[str]:
    """Find the columns of a large table in which no row has a value; DuckDB answers that without reading them."""
    name = quoted_name(table.name)
    if execute_counting(connection, f"SELECT count(*) FROM {name}") < MIN_ROWS_TO_SEARCH:
        return set()
    return {
        column
        for column in table.column_names
        if is_empty(connection, f"(FROM {name} WHERE {quoted_name(column)} IS NOT NULL)")
    }


def rows_in_partition(table: TableSchema, partition: str, empty: Collection[str] = ()) -> str:
    """Query the rows of a table in one partition, so that DuckDB can pass over the blocks of the others.

    Columns that are known to be `empty` are not read.
    """
    columns = ", ".join(
        f"NULL::{_TYPES_OF_NULL.get(column.sql_type, column.sql_type)} AS {quoted_name(column.name)}"
        if column.name in empty
        else quoted_name(column.name)
        for column in table.columns
    )
    rows = f"SELECT {columns} FROM {quoted_name(table.name)}"
    match table.files:
        case Value(column=column):
            return f"{rows} WHERE {quoted_name(column)} = {quoted_text(partition)}"
        case Month(column=column):
            return _rows_in_month(table, rows, quoted_name(column), partition)
        case _:
            return rows


def _rows_in_month(table: TableSchema, rows: str, moment: str, month: str) -> str:
    """Add to a query of rows that they are of a month: by their date, or by the note of those without one."""
    notes, keys = f"_state.{quoted_name(table.name)}", quoted_names(table.key)
    if month == NO_PARTITION:
        return f"{rows} ANTI JOIN {notes} USING ({keys}) WHERE {moment} IS NULL"
    first = f"TIMESTAMP '{month}-01'"
    return f"""
        {rows} WHERE {moment} >= {first} AND {moment} < {first} + INTERVAL 1 MONTH
        UNION ALL
        {rows} SEMI JOIN (FROM {notes} WHERE month = {quoted_text(month)}) USING ({keys}) WHERE {moment} IS NULL
    """


def _query_partitions(table: TableSchema, relation: str) -> str:
    """Query each `_partition` that rows of a relation are in: a month as YYYY-MM, or the value of the key column."""
    match table.files:
        case Value(column=column):
            return f"SELECT DISTINCT {quoted_name(column)} AS _partition FROM {relation}"
        case Month(column=column):
            moment, keys = quoted_name(column), [quoted_name(key) for key in table.key]
            keys_if_undated = ", ".join(f"CASE WHEN {moment} IS NULL THEN {key} END AS {key}" for key in keys)
            return f"""
                SELECT DISTINCT coalesce(strftime(rows.month, '%Y-%m'), kept.month, '{NO_PARTITION}') AS _partition
                FROM (SELECT DISTINCT date_trunc('month', {moment}) AS month, {keys_if_undated} FROM {relation}) AS rows
                LEFT JOIN _state.{quoted_name(table.name)} AS kept USING ({", ".join(keys)})
            """
        case _:
            return f"SELECT DISTINCT '{NO_PARTITION}' AS _partition FROM {relation}"
