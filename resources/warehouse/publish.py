"""Publishing: the stage becomes what analysts see; the database and the folder of files change in one rename each.

The database is a copy of the stage. The Parquet files of all tables stand in a snapshot folder, to which the link
`parquet` leads; those of partitions that have not changed are shared with the snapshot before, so that only
changed ones are written. Whoever has a file open keeps it, whoever opens one gets the new state.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import duckdb

from resources.warehouse.columns import describe_tables
from resources.warehouse.local.database_file import open_database
from resources.warehouse.local.files import remove_tree
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.inventory import Inventory, note_files, note_live_rows, take_inventory
from resources.warehouse.local.parquet_files import LAYOUT, note_outlines, write_tables
from resources.warehouse.local.snapshots import SECONDS_OF_GRACE, UNFINISHED_FOLDER, seal, swap, sweep
from resources.warehouse.local.stage_file import compact, ensure_table, stage, writer_lock
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import is_empty, quoted_name


@dataclass(frozen=True)
class Published:
    """What a publish brought out: the rows of each table, and how many Parquet files had to be written.

    `seconds` says how long each stage of it took.
    """

    rows: dict[str, int]
    files_written: int
    seconds: dict[str, float]


Describe = Callable[[duckdb.DuckDBPyConnection], Mapping[str, str]]
"""Makes texts out of what is about to be published, by the names of the files that they become."""


def describe_nothing(_connection: duckdb.DuckDBPyConnection) -> Mapping[str, str]:
    """Tell nothing."""
    return {}


def publish(
    folder: Folder, tables: Sequence[TableSchema], marts: Sequence[str] = (), describe: Describe = describe_nothing
) -> Published:
    """Bring the stage out as it is now, if it is not out already.

    `marts` are scripts in SQL that make the views of the schema `marts`. What `describe` tells of the database, whose
    tables it finds in the schema `main`, is published beside it.
    Raises WarehouseError; then the last snapshot stays.
    """
    outline = sha256(repr((LAYOUT, tables, marts)).encode()).hexdigest()
    with writer_lock(folder):
        unfinished = folder.snapshots / UNFINISHED_FOLDER
        remove_tree(unfinished)
        try:
            begun = time.monotonic()
            compact(folder)
            with stage(folder) as connection:
                connection.begin()
                for table in tables:
                    ensure_table(connection, folder, table)
                describe_tables(connection, tables)
                connection.commit()
                rows = {table.name: _count(connection, table) for table in tables}
                found = take_inventory(connection, folder)
                if _is_out(connection, folder, outline, found):
                    return Published(rows, 0, {})
                files_written = write_tables(connection, tables, folder, unfinished, found)
            written = time.monotonic()
            beside = _copy_database(folder, unfinished, marts, describe)
            seal(unfinished)
            swap(folder, unfinished, beside)
            seconds = {"writing files": written - begun, "copying the database": time.monotonic() - written}
        finally:
            remove_tree(unfinished)
            with suppress(PermissionError):  # another user's, which disturb nobody
                sweep(folder, SECONDS_OF_GRACE)
        _note_publish(folder, outline, tables, beside)
    return Published(rows, files_written, seconds)


def _is_out(connection: duckdb.DuckDBPyConnection, folder: Folder, outline: str, found: Inventory) -> bool:
    """Whether nothing has changed since the last publish: no rows, nothing of what is made of them, and no file."""
    if found.amiss or not (found.intact and folder.parquet.is_symlink()):
        return False
    connection.execute("CREATE TABLE IF NOT EXISTS _state.published (outline VARCHAR)")
    known = connection.execute("SELECT outline FROM _state.published").fetchall()
    return known == [(outline,)] and is_empty(connection, "_state.changed")


def _note_publish(folder: Folder, outline: str, tables: Sequence[TableSchema], beside: Sequence[str]) -> None:
    with stage(folder) as connection:
        connection.begin()
        connection.execute("DELETE FROM _state.changed")
        connection.execute("CREATE OR REPLACE TABLE _state.published AS SELECT ? AS outline", [outline])
        note_outlines(connection, tables)
        note_live_rows(connection)
        note_files(connection, folder, [folder.database.name, *beside])
        connection.commit()


def _count(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {quoted_name(table.name)}").fetchall()[0][0])


def _copy_database(folder: Folder, snapshot: Path, marts: Sequence[str], describe: Describe) -> list[str]:
    """Copy the closed stage, without what is private in it and with the views; returns the files written beside it."""
    copy = snapshot / folder.database.name
    shutil.copyfile(folder.stage, copy)
    with open_database(folder, copy) as connection:
        connection.begin()
        connection.execute("DROP SCHEMA _state CASCADE")
        if marts:
            connection.execute("CREATE SCHEMA marts")
        for script in marts:
            connection.execute(script)
        connection.commit()
        texts = describe(connection)
    for name, text in texts.items():
        (snapshot / name).write_text(text, "utf-8")
    return list(texts)
