"""The file of the stage: the private DuckDB database that batches are merged into, by one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from resources.warehouse.columns import create_table, fit_columns
from resources.warehouse.formats import bring_up_to_date
from resources.warehouse.local.damage import damaged_stage, is_cut_off, is_damaged
from resources.warehouse.local.database_file import open_database, write_compact
from resources.warehouse.local.files import PRIVATE_FILE, move_into_place, remove_tree
from resources.warehouse.local.folder import Folder, name_folder_in_errors
from resources.warehouse.local.restage import make_stage, unfinished_stage
from resources.warehouse.parquet_partitions import remember_months
from resources.warehouse.schema import Month, TableSchema
from resources.warehouse.sql import quoted_name

MIN_FREE_BLOCKS = 40
"""Room in a stage, in blocks of 256 kB, that is not worth a thought."""


@contextmanager
def writer_lock(folder: Folder) -> Iterator[None]:
    """Be the one process that works on the stage; waits for its turn. Raises WarehouseError.

    A stage that is missing is made from what is published, so that losing the private files loses no row.
    """
    folder.make()
    with name_folder_in_errors(folder), folder.lock("writer"):
        remove_tree(folder.spill)
        if not folder.stage.exists():
            make_stage(folder)
        yield


@contextmanager
def stage(folder: Folder) -> Iterator[duckdb.DuckDBPyConnection]:
    """Connect to the stage; only for the sole writer.

    Raises RefusedError if it is damaged, or if a newer version has written it.
    """
    size = None if folder.stage.with_suffix(".duckdb.wal").exists() else folder.stage.stat().st_size
    try:
        with open_database(folder, folder.stage) as connection:
            if size is not None and is_cut_off(connection, size):
                raise damaged_stage(folder)
            bring_up_to_date(connection, folder)
            yield connection
    except duckdb.Error as error:
        if is_damaged(error) and ".parquet" not in str(error):
            raise damaged_stage(folder) from error
        raise


def compact(folder: Folder, *, at_once: bool = False) -> None:
    """Write the stage anew where it holds much room that nobody uses, or `at_once`; only for the sole writer.

    DuckDB needs room for the old and the new rows of a change, and keeps it for later ones.
    """
    unfinished = unfinished_stage(folder)
    with stage(folder) as connection:
        size = "SELECT used_blocks, free_blocks FROM pragma_database_size() WHERE database_name = 'opened'"
        used, free = connection.execute(size).fetchall()[0]
        if not at_once and (free < MIN_FREE_BLOCKS or free < used / 2):
            return
        write_compact(connection, unfinished)
    unfinished.chmod(PRIVATE_FILE)
    move_into_place(unfinished, folder.stage)


def ensure_table(connection: duckdb.DuckDBPyConnection, folder: Folder, table: TableSchema) -> None:
    """Create the table, or bring it to the columns of this version of the export."""
    create_table(connection, table)
    fit_columns(connection, table)
    if isinstance(table.files, Month) and not _has_table(connection, "_state", table.name):
        keys = ", ".join(map(quoted_name, table.key))
        connection.execute(
            f"CREATE TABLE _state.{quoted_name(table.name)} AS "
            f"SELECT {keys}, '' AS month FROM main.{quoted_name(table.name)} LIMIT 0"
        )
        remember_months(connection, table, table.files, folder.parquet / table.name)


def _has_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    query = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    return bool(connection.execute(query, [schema, name]).fetchall()[0][0])
