"""Rebuilds a missing stage from what is published: from the database, or else from the Parquet files."""

import shutil
from contextlib import suppress
from pathlib import Path

import duckdb

from resources.files import PRIVATE_FILE, move_into_place
from resources.warehouse.errors import RefusedError
from resources.warehouse.local.checkpoint import log_of, metadata_copy_of
from resources.warehouse.local.damage import is_cut_off, is_damaged
from resources.warehouse.local.database_file import LocalDuckDB
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.origin_note import read_note
from resources.warehouse.origin import write_staged_origin
from resources.warehouse.sql import parquet_rows, quoted_name
from resources.warehouse.stage_format import create_state_tables


def unfinished_stage(folder: Folder) -> Path:
    """Return the path where a stage is built; what a dead run has left there is deleted."""
    unfinished = folder.state / "stage.new.duckdb"
    for left_over in (unfinished, log_of(unfinished)):
        left_over.unlink(missing_ok=True)
    return unfinished


def make_stage(folder: Folder, local_duckdb: LocalDuckDB) -> None:
    """Rebuild the stage; everything in it is to be published again. Raises RefusedError if it cannot be read."""
    unfinished = unfinished_stage(folder)
    for left_over in (log_of(folder.stage), metadata_copy_of(folder.stage)):
        left_over.unlink(missing_ok=True)
    known = read_note(folder)
    has_tables = _copy_database(folder, local_duckdb, unfinished)
    with local_duckdb.open(unfinished) as connection:
        connection.execute("DROP SCHEMA IF EXISTS marts CASCADE")
        if not has_tables:
            _read_files(connection, folder)
        create_state_tables(connection, known.warehouse if known else "")
        if known:
            write_staged_origin(connection, known)
    unfinished.chmod(PRIVATE_FILE)
    move_into_place(unfinished, folder.stage)


def _copy_database(folder: Folder, local_duckdb: LocalDuckDB, unfinished: Path) -> bool:
    """Copy the published database; returns whether it is there, and complete."""
    if not folder.database.is_file():
        return False
    shutil.copyfile(folder.database, unfinished)
    try:
        with local_duckdb.open(unfinished) as connection:
            is_complete = not is_cut_off(connection, folder.database.stat().st_size)
    except duckdb.Error as error:
        if not is_damaged(error):
            raise
        is_complete = False
    if not is_complete:
        unfinished_stage(folder)
        if not any(folder.parquet.rglob("*.parquet")):
            raise RefusedError(
                f"The published database {folder.database} is damaged, and there are neither private nor Parquet files "
                "to rebuild it from: restore it from a backup, or delete it and run coupontools export --full."
            )
    return is_complete


def _read_files(connection: duckdb.DuckDBPyConnection, folder: Folder) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        for table in folder.parquet.iterdir():
            if paths := sorted(table.rglob("*.parquet")):
                rows = parquet_rows(paths)
                connection.execute(f"CREATE TABLE {quoted_name(table.name)} AS FROM {rows}")
