"""Erases people from what is published, without publishing what waits in the stage."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from resources.files import remove_tree
from resources.warehouse.erased_rows import erase_people, erase_rows, find_rows
from resources.warehouse.local.database_file import write_compact
from resources.warehouse.local.inventory import Inventory, renew_notes, take_inventory
from resources.warehouse.local.parquet_files import declare_nullable, take_over
from resources.warehouse.local.snapshots import UNFINISHED_FOLDER, replace_database, replace_files, seal, swap
from resources.warehouse.local.stage_file import StageFile
from resources.warehouse.publication import REPORT
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import parquet_rows, quoted_name, write_parquet
from resources.warehouse.suppression import SuppressionList, remove_suppressed_from_page


def erase_published(stage: StageFile, tables: Sequence[TableSchema], suppressed: SuppressionList) -> dict[str, int]:
    """Erase people from the published database, files and report; returns the rows of the database by table.

    Only under the writer lock, once they are erased from the stage. The database is written anew even if no row of it
    names them: its unused blocks may.
    """
    folder = stage.folder
    with stage.open() as connection:
        inventory = take_inventory(connection, folder)
    unfinished = folder.snapshots / UNFINISHED_FOLDER
    remove_tree(unfinished)
    unfinished.mkdir()
    try:
        erased = _erase_database(stage, unfinished, tables, suppressed)
        texts = _erase_report(stage, unfinished, suppressed)
        written = _erase_files(stage, unfinished, tables, suppressed)
        names_anybody = bool(written or any(erased.values()) or texts)
        if names_anybody or folder.database.is_file():
            _publish(stage, unfinished, inventory, texts, with_files=names_anybody)
    finally:
        remove_tree(unfinished)
    return erased


def _erase_database(
    stage: StageFile, unfinished: Path, tables: Sequence[TableSchema], suppressed: SuppressionList
) -> dict[str, int]:
    folder = stage.folder
    if not folder.database.is_file():
        return {}
    copy, compacted = unfinished / folder.database.name, unfinished / "compacted.duckdb"
    shutil.copyfile(folder.database, copy)
    with stage.local_duckdb.open(copy) as connection:
        query = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'opened' AND schema_name = 'main'"
        known = {row[0] for row in connection.execute(query).fetchall()}
        connection.begin()
        erased = {
            table.name: erase_people(connection, table, quoted_name(table.name), suppressed)
            for table in tables
            if table.name in known
        }
        connection.commit()
        write_compact(connection, compacted)
    compacted.replace(copy)
    return erased


def _erase_files(stage: StageFile, unfinished: Path, tables: Sequence[TableSchema], suppressed: SuppressionList) -> int:
    """Write the published files without people, sharing those that have none of them; returns how many were written."""
    folder, written = stage.folder, 0
    by_name = {table.name: table for table in tables}
    with stage.open() as connection, declare_nullable(connection):
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
    rows, number = parquet_rows([file], "file_row_number = true"), "file_row_number"
    count = find_rows(connection, table, rows, number, suppressed)
    if count:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE rows_of_file AS FROM {rows}")
        erase_rows(connection, table, "rows_of_file", number)
        write_parquet(connection, f"SELECT * EXCLUDE ({number}) FROM rows_of_file", target)
        connection.execute("DROP TABLE rows_of_file")
    return count


def _erase_report(stage: StageFile, unfinished: Path, suppressed: SuppressionList) -> list[str]:
    """Write the report without people, if it shows any; returns the names of the texts that were written."""
    report = stage.folder.root / REPORT
    if not report.is_file():
        return []
    page = report.read_bytes().decode(errors="replace")
    erased = remove_suppressed_from_page(page, suppressed)
    if erased == page:
        return []
    (unfinished / REPORT).write_text(erased, "utf-8")
    return [REPORT]


def _publish(
    stage: StageFile, unfinished: Path, inventory: Inventory, texts: Sequence[str], *, with_files: bool
) -> None:
    """Replace what is published by what was written, and record its files, except what a person had changed before.

    Without `with_files` the Parquet files stay.
    """
    folder = stage.folder
    seal(unfinished)
    if not folder.database.is_file():  # the next publish writes what is missing
        replace_files(folder, unfinished, texts)
    elif not (with_files and folder.parquet.is_dir()):
        replace_database(folder, unfinished)
        for name in texts:
            (unfinished / name).replace(folder.root / name)
    else:
        swap(folder, unfinished, texts)
    with stage.open() as connection:
        connection.begin()
        renew_notes(connection, folder, inventory.intact)
        connection.commit()
