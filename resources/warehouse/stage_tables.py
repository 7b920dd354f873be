"""Creates the tables of the stage, or migrates them to the columns of this version, before they are used."""

from collections.abc import Sequence

import duckdb

from resources.warehouse.columns import create_table, describe_tables, fit_columns
from resources.warehouse.engine import Engine
from resources.warehouse.parquet_partitions import remember_months
from resources.warehouse.schema import Month, TableSchema
from resources.warehouse.sql import execute_counting, quoted_name


def ensure_table(engine: Engine, connection: duckdb.DuckDBPyConnection, table: TableSchema) -> None:
    """Create a table in the stage, or migrate it to the columns of this version. Raises WarehouseError."""
    create_table(connection, table)
    fit_columns(connection, table, engine.place)
    if isinstance(table.files, Month) and not _has_table(connection, "_state", table.name):
        keys = ", ".join(map(quoted_name, table.key))
        connection.execute(
            f"CREATE TABLE _state.{quoted_name(table.name)} AS "
            f"SELECT {keys}, '' AS month FROM {quoted_name(table.name)} LIMIT 0"
        )
        remember_months(connection, table, table.files, engine.list_published_files(table.name))


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
