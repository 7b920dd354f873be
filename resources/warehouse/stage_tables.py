"""Creates the tables of the stage, or migrates them to the columns of this version, before they are used."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from resources.warehouse.columns import create_table, describe_tables, migrate_columns
from resources.warehouse.engine import Engine
from resources.warehouse.parquet_partitions import remember_months
from resources.warehouse.schema import Month, TableSchema
from resources.warehouse.sql import execute_counting, quoted_name, quoted_names


def ensure_table(engine: Engine, connection: duckdb.DuckDBPyConnection, table: TableSchema) -> None:
    """Create a table in the stage, or migrate it to the columns of this version. Raises WarehouseError."""
    create_table(connection, table)
    migrate_columns(connection, table, engine.place)
    if isinstance(table.files, Month) and not _has_table(connection, "_state", table.name):
        keys = quoted_names(table.key)
        connection.execute(
            f"CREATE TABLE _state.{quoted_name(table.name)} AS "
            f"SELECT {keys}, '' AS month FROM {quoted_name(table.name)} LIMIT 0"
        )
        remember_months(connection, table, table.files, engine.list_published_files(table.name))


@contextmanager
def open_tables(engine: Engine, *tables: TableSchema) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hold the writer lock, and connect to the stage with these tables as this version has them; see `Engine`.

    Raises WarehouseError.
    """
    with engine.hold_writer_lock(), engine.open_stage() as connection:
        for table in tables:
            ensure_table(engine, connection, table)
        yield connection


def prepare_tables(
    engine: Engine, connection: duckdb.DuckDBPyConnection, tables: Sequence[TableSchema]
) -> dict[str, int]:
    """Migrate all tables to the columns and comments of this version; returns how many rows each has."""
    for table in tables:
        ensure_table(engine, connection, table)
    describe_tables(connection, tables)
    return {
        table.name: execute_counting(connection, f"SELECT count(*) FROM {quoted_name(table.name)}") for table in tables
    }


def _has_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    tables = "duckdb_tables() WHERE database_name = current_database() AND schema_name = ? AND table_name = ?"
    return bool(connection.execute(f"SELECT count(*) FROM {tables}", [schema, name]).fetchall()[0][0])
