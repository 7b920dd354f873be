"""Erases people from what is published, whatever waits in the stage and may not be published yet."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from resources.warehouse.erased_rows import erase, find
from resources.warehouse.local.database_file import open_database, write_compact
from resources.warehouse.local.files import remove_tree
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.inventory import note_files
from resources.warehouse.local.parquet_files import take_over
from resources.warehouse.local.snapshots import UNFINISHED_FOLDER, replace_files, seal, swap
from resources.warehouse.local.stage_file import stage
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import files, quoted_name, write_parquet
from resources.warehouse.suppression import SuppressionList


def erase_published(folder: Folder, tables: Sequence[TableSchema], suppressed: SuppressionList) -> dict[str, int]:
    """Erase people from the published database and files; returns the rows of the database by table.

    Only for the sole writer, who has erased them from the stage.
    """
    unfinished = folder.snapshots / UNFINISHED_FOLDER
    remove_tree(unfinished)
    unfinished.mkdir()
    try:
        erased = _erase_database(folder, unfinished, tables, suppressed)
        if _erase_files(folder, unfinished, tables, suppressed) or any(erased.values()):
            _bring_out(folder, unfinished)
    finally:
        remove_tree(unfinished)
    return erased


def _erase_database(
    folder: Folder, unfinished: Path, tables: Sequence[TableSchema], suppressed: SuppressionList
) -> dict[str, int]:
    if not folder.database.is_file():
        return {}
    copy, compacted = unfinished / folder.database.name, unfinished / "compacted.duckdb"
    shutil.copyfile(folder.database, copy)
    with open_database(folder, copy) as connection:
        query = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'opened' AND schema_name = 'main'"
        known = {row[0] for row in connection.execute(query).fetchall()}
        connection.begin()
        erased = {table.name: _erase(connection, table, suppressed) for table in tables if table.name in known}
        connection.commit()
        if any(erased.values()):
            write_compact(connection, compacted)
    if any(erased.values()):
        compacted.replace(copy)
    return erased


def _erase(connection: duckdb.DuckDBPyConnection, table: TableSchema, suppressed: SuppressionList) -> int:
    name = quoted_name(table.name)
    found = find(connection, table, name, "rowid", suppressed)
    if found:
        erase(connection, table, name, "rowid")
    return found


def _erase_files(folder: Folder, unfinished: Path, tables: Sequence[TableSchema], suppressed: SuppressionList) -> int:
    """Write the published files without people, sharing those that have none of them; returns how many were written."""
    written = 0
    by_name = {table.name: table for table in tables}
    with stage(folder) as connection:
        for file in sorted(folder.parquet.rglob("*.parquet")) if folder.parquet.is_dir() else []:
            place = file.relative_to(folder.parquet)
            (unfinished / place).parent.mkdir(parents=True, exist_ok=True)
            table = by_name.get(place.parts[0])
            if table and _erase_file(connection, file, unfinished / place, table, suppressed):
                written += 1
            else:
                take_over(file, unfinished / place)
    return written


def _erase_file(
    connection: duckdb.DuckDBPyConnection, file: Path, target: Path, table: TableSchema, suppressed: SuppressionList
) -> int:
    rows, number = files([file], "file_row_number = true"), "file_row_number"
    found = find(connection, table, rows, number, suppressed)
    if found:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE rows_of_file AS FROM {rows}")
        erase(connection, table, "rows_of_file", number)
        write_parquet(connection, f"SELECT * EXCLUDE ({number}) FROM rows_of_file", target)
        connection.execute("DROP TABLE rows_of_file")
    return found


def _bring_out(folder: Folder, unfinished: Path) -> None:
    """Let what was written take the place of what is published, and note it as that."""
    seal(unfinished)
    if not folder.database.is_file():  # what is missing the next publish brings out again
        replace_files(folder, unfinished)
    elif not folder.parquet.is_dir():
        (unfinished / folder.database.name).replace(folder.database)
    else:
        swap(folder, unfinished, ())
    with stage(folder) as connection:
        known = connection.execute("SELECT name FROM _state.files WHERE NOT contains(name, '/')").fetchall()
        connection.begin()
        note_files(connection, folder, [name for (name,) in known if (folder.root / name).is_file()])
        connection.commit()
