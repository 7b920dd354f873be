"""Which file a row belongs to, and which files a merge has made out of date.

The files of a table are divided by the month of a date, by the value of a key column, or not at all. A row belongs
to the month of its date; one that comes without it is written down in `_state.<table>` with the month where it is
first put, and stays there.
"""

from pathlib import Path

import duckdb

from resources.warehouse.schema import Month, TableSchema, Value
from resources.warehouse.sql import quoted_name, quoted_text

NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""The partition of a row that has none, as hive-partitioned files spell it; also that of undivided tables."""

EVERY_TABLE = "*"
"""Stands for all tables among those that have changed: nobody knows what a new stage has in common with the files."""


def keep_months(connection: duckdb.DuckDBPyConnection, table: TableSchema, month: Month) -> None:
    """Write down the month of rows that come without their date, so that they stay where they are first put."""
    keys = ", ".join(map(quoted_name, table.key))
    dates = ", ".join(f"incoming.{quoted_name(column)}" for column in month.otherwise) or "NULL::TIMESTAMP"
    connection.execute(
        f"INSERT INTO _state.{quoted_name(table.name)} "
        f"SELECT {keys}, strftime(coalesce(old.{quoted_name(month.column)}, least({dates})), '%Y-%m') AS first_month "
        f"FROM incoming LEFT JOIN main.{quoted_name(table.name)} AS old USING ({keys}) "
        f"ANTI JOIN _state.{quoted_name(table.name)} AS kept USING ({keys}) "
        f"WHERE incoming.{quoted_name(month.column)} IS NULL AND first_month IS NOT NULL"
    )


def note_changes(connection: duckdb.DuckDBPyConnection, table: TableSchema, incoming: str) -> None:
    """Note which files are out of date with the rows of `incoming`: theirs, and those of the rows they replace."""
    keys = ", ".join(map(quoted_name, table.key))
    new = _with_partition(table, incoming)
    old = f"SELECT * FROM ({_with_partition(table, quoted_name(table.name))}) SEMI JOIN {incoming} USING ({keys})"
    for rows in (new, old):
        connection.execute(
            f"INSERT INTO _state.changed SELECT DISTINCT {quoted_text(table.name)}, _partition FROM ({rows}) "
            f"EXCEPT FROM _state.changed"
        )


def remember_months(connection: duckdb.DuckDBPyConnection, table: TableSchema, month: Month, folder: Path) -> None:
    """Learn from published files the month of rows without their date, where the private note of it is lost."""
    keys, moment = ", ".join(map(quoted_name, table.key)), quoted_name(month.column)
    if any(folder.glob(f"{month.name}=*/*.parquet")):
        connection.execute(
            f"INSERT INTO _state.{quoted_name(table.name)} SELECT {keys}, {quoted_name(month.name)} FROM "
            f"read_parquet({quoted_text(folder / f'{month.name}=*' / '*.parquet')}, hive_partitioning = true, "
            f"hive_types = {{{quoted_name(month.name)}: VARCHAR}}) "
            f"WHERE {moment} IS NULL AND {quoted_name(month.name)} IS NOT NULL"
        )


def partitions_changed(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> set[str]:
    """The partitions of a table whose rows have changed since the last publish."""
    query = "SELECT partition FROM _state.changed WHERE table_name = ?"
    return {row[0] for row in connection.execute(query, [table.name]).fetchall()}


def is_new(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether nothing was published of this stage yet."""
    return bool(connection.execute("SELECT 1 FROM _state.changed WHERE table_name = ?", [EVERY_TABLE]).fetchall())


def partitions_of(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> set[str]:
    """All partitions of a table; only `NO_PARTITION` for a table that is not divided."""
    if not table.files:
        return {NO_PARTITION}
    query = f"SELECT DISTINCT _partition FROM ({_with_partition(table, quoted_name(table.name))})"
    return {row[0] for row in connection.execute(query).fetchall()}


def rows_in_partition(table: TableSchema, partition: str) -> str:
    """Query the rows of a table in one partition, so that DuckDB can pass over the blocks of the others."""
    name, columns = quoted_name(table.name), ", ".join(map(quoted_name, table.column_names))
    match table.files:
        case Value(column=column):
            return f"SELECT {columns} FROM {name} WHERE {quoted_name(column)} = {quoted_text(partition)}"
        case Month(column=column):
            return _rows_in_month(table, column, partition)
        case _:
            return f"SELECT {columns} FROM {name}"


def _rows_in_month(table: TableSchema, column: str, month: str) -> str:
    name, columns = quoted_name(table.name), ", ".join(map(quoted_name, table.column_names))
    keys, moment = ", ".join(map(quoted_name, table.key)), quoted_name(column)
    first = f"TIMESTAMP '{month}-01'"
    dated = f"{moment} >= {first} AND {moment} < {first} + INTERVAL 1 MONTH"
    return (
        f"SELECT {columns} FROM {name} ANTI JOIN _state.{name} USING ({keys}) "
        f"WHERE {moment + ' IS NULL' if month == NO_PARTITION else dated} UNION ALL "
        f"SELECT {columns} FROM {name} SEMI JOIN (FROM _state.{name} WHERE month = {quoted_text(month)}) USING ({keys})"
    )


def _with_partition(table: TableSchema, relation: str) -> str:
    """Query the rows of a relation with their `_partition`: a month as YYYY-MM, or the value of the key column."""
    match table.files:
        case Value(column=column):
            return f"SELECT *, {quoted_name(column)} AS _partition FROM {relation}"
        case Month(column=column):
            keys = ", ".join(map(quoted_name, table.key))
            return (
                f"SELECT {relation}.*, coalesce(kept.month, strftime({relation}.{quoted_name(column)}, '%Y-%m'), "
                f"'{NO_PARTITION}') AS _partition "
                f"FROM {relation} LEFT JOIN _state.{quoted_name(table.name)} AS kept USING ({keys})"
            )
        case _:
            return f"SELECT *, '{NO_PARTITION}' AS _partition FROM {relation}"
