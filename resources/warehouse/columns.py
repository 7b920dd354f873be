"""Creates tables as their models declare them, migrates the columns of older ones, and sets comments."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from resources.warehouse.errors import WarehouseError
from resources.warehouse.extra_fields import find_in_extra
from resources.warehouse.place import Place
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import execute_counting, quoted_name, quoted_text

Columns = dict[str, str]
"""The DuckDB type of each column, in their order."""


def create_table(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> None:
    """Create the table in the current schema, if it is not there."""
    columns = ", ".join(f"{quoted_name(column.name)} {column.sql_type}" for column in table.columns)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {quoted_name(table.name)} ({columns})")


def migrate_columns(connection: duckdb.DuckDBPyConnection, table: TableSchema, place: Place) -> None:
    """Migrate the table to the columns of its model; new ones take the values of a former name, or those in `_extra`.

    A type is changed only where no value is lost. The table is rebuilt in one statement, so that it is never without
    its rows. Raises WarehouseError.
    """
    name = quoted_name(table.name)
    present = _described(connection, name)
    if list(present.items()) == [(column.name, column.sql_type) for column in table.columns]:
        return
    if _rename_columns(connection, table, present):
        present = _described(connection, name)
    empty = ", ".join(f"NULL::{column.sql_type} AS {quoted_name(column.name)}" for column in table.columns)
    declared = _described(connection, f"SELECT {empty}")
    if list(present.items()) != list(declared.items()):
        _refuse_losses(connection, table, present, declared, place)
        _rebuild(connection, table, present, declared)


def _refuse_losses(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, present: Columns, declared: Columns, place: Place
) -> None:
    """Raise WarehouseError if a change of type would lose a value."""
    for column, sql_type in declared.items():
        was = present.get(column, sql_type)
        if was != sql_type and (lost := _count_lost(connection, table, column, was, sql_type)):
            raise WarehouseError(
                f"{lost:,} values of the column {column} of the table {table.name} cannot become {sql_type}, which "
                f"this version of the export needs: set {place.setting} to a new {place.kind} and run `coupontools "
                "export --full`."
            )


def _rebuild(connection: duckdb.DuckDBPyConnection, table: TableSchema, present: Columns, declared: Columns) -> None:
    """Rebuild the table with the declared columns: from those present, from `_extra` where there are none, or null."""
    name = quoted_name(table.name)
    sources = {column: f"{name}.{quoted_name(column)}" if column in present else "NULL" for column in declared}
    new = [column for column in table.columns if column.paths and column.read_tokens and column.name not in present]
    moved = ""
    if new and {"_extra"} <= present.keys() & declared.keys() and find_in_extra(connection, table, new):
        moved = f"LEFT JOIN moved ON moved.row = {name}.rowid"
        sources |= {column.name: f"moved.{quoted_name(column.name)}" for column in new}
        sources["_extra"] = f"if(moved.row IS NULL, {name}._extra, moved._extra)"
    values = [f"{sources[column]}::{sql_type} AS {quoted_name(column)}" for column, sql_type in declared.items()]
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {', '.join(values)} FROM {name} {moved}")
    connection.execute("DROP TABLE IF EXISTS temp.moved")


def _rename_columns(connection: duckdb.DuckDBPyConnection, table: TableSchema, present: Columns) -> bool:
    """Rename the columns that are there under a former name; returns whether there are any."""
    name = quoted_name(table.name)
    renamed = False
    for column in table.columns:
        if column.former_name in present and column.name not in present:
            former = quoted_name(column.former_name)
            connection.execute(f"ALTER TABLE {name} RENAME COLUMN {former} TO {quoted_name(column.name)}")
            renamed = True
    return renamed


def create_marts(connection: duckdb.DuckDBPyConnection, scripts: Sequence[str]) -> None:
    """Create the views of the schema `marts` in the current database; without scripts there is no such schema."""
    if scripts:
        connection.execute("CREATE SCHEMA marts")
    for script in scripts:
        connection.execute(script)


def _described(connection: duckdb.DuckDBPyConnection, relation: str) -> Columns:
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {relation}").fetchall()}


def _count_lost(connection: duckdb.DuckDBPyConnection, table: TableSchema, column: str, before: str, after: str) -> int:
    """Count the values of a column that another type would lose."""
    name = quoted_name(column)
    changed = f"TRY_CAST({name} AS {after})"
    is_lost = (
        f"{changed} IS NULL" if before == "VARCHAR" else f"TRY_CAST({changed} AS {before}) IS DISTINCT FROM {name}"
    )
    query = f"SELECT count(*) FROM {quoted_name(table.name)} WHERE {name} IS NOT NULL AND {is_lost}"
    return execute_counting(connection, query)


def describe_tables(connection: duckdb.DuckDBPyConnection, tables: Sequence[TableSchema], kind: str = "TABLE") -> None:
    """Set the models' descriptions as comments on tables, or views of them, and on columns, where they differ."""
    here = "database_name = current_database() AND schema_name = current_schema()"
    of_tables = f"SELECT table_name, comment FROM duckdb_tables() WHERE {here}"
    of_columns = f"SELECT table_name, column_name, comment FROM duckdb_columns() WHERE {here}"
    known = {*connection.execute(of_tables).fetchall(), *connection.execute(of_columns).fetchall()}
    missing = [comment for table in tables for comment in _comments(table) if comment not in known]
    if missing:
        connection.execute("; ".join(_comment_on(comment, kind) for comment in missing))


def _comments(table: TableSchema) -> Iterator[tuple[str, ...]]:
    """Yield the comments of a table, with its name, and of its columns, with both names."""
    yield table.name, table.comment
    for column in table.columns:
        yield table.name, column.name, column.comment


def _comment_on(comment: tuple[str, ...], kind: str) -> str:
    *names, text = comment
    kind = kind if len(names) == 1 else "COLUMN"
    return f"COMMENT ON {kind} {'.'.join(map(quoted_name, names))} IS {quoted_text(text)}"


@contextmanager
def open_empty_database(tables: Sequence[TableSchema]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that has the tables of a publish, with their comments and without rows."""
    with duckdb.connect() as connection:
        for table in tables:
            create_table(connection, table)
        describe_tables(connection, tables)
        yield connection
