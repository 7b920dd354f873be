"""Writes what is published into one database file, wherever it is published."""

import os
from collections.abc import Sequence
from pathlib import Path

import duckdb

from resources.warehouse.columns import create_marts, describe_tables
from resources.warehouse.duckdb_settings import STORAGE_VERSION
from resources.warehouse.engine import Engine
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.paths import drop_links, plain_path
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import execute_counting, quoted_name, quoted_text

READ_ONLY = 0o444


def download(engine: Engine, file: Path, tables: Sequence[TableSchema], marts: Sequence[str]) -> dict[str, int]:
    """Write the published tables into a read-only database, with comments and the views of the scripts `marts`.

    The file is there completely or not at all. Returns the number of rows of each table. Raises WarehouseError.
    """
    unfinished = file.with_name(f"{file.name}.tmp")
    try:
        unfinished.unlink(missing_ok=True)
        with engine.open_published() as connection:
            rows = _write(connection, unfinished, tables, marts)
        unfinished.chmod(READ_ONLY)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(file)
    except OSError as error:
        raise WarehouseError(f"{file} cannot be written: {error.strerror}. Choose another file with --to.") from error
    finally:
        drop_links()
        unfinished.unlink(missing_ok=True)
    return rows


def _write(
    connection: duckdb.DuckDBPyConnection, file: Path, tables: Sequence[TableSchema], marts: Sequence[str]
) -> dict[str, int]:
    published = connection.execute("SELECT current_database()").fetchall()[0][0]
    views = f"SELECT view_name FROM duckdb_views() WHERE database_name = '{published}' AND schema_name = 'main'"
    names = [row[0] for row in connection.execute(f"{views} AND NOT internal ORDER BY 1").fetchall()]
    if not names:
        raise RefusedError("Nothing is published there yet: run coupontools export first.")
    connection.execute(f"ATTACH {quoted_text(plain_path(file))} AS download (STORAGE_VERSION '{STORAGE_VERSION}')")
    connection.execute("USE download")
    rows = {}
    for name in names:
        source = f"{quoted_name(published)}.main.{quoted_name(name)}"
        rows[name] = execute_counting(connection, f"CREATE TABLE {quoted_name(name)} AS FROM {source}")
    describe_tables(connection, [table for table in tables if table.name in names])
    create_marts(connection, marts)
    connection.execute("CHECKPOINT download")
    connection.execute(f"USE {quoted_name(published)}")
    connection.execute("DETACH download")
    return rows
