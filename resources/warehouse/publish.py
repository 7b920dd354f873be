"""Publishing: the stage becomes what analysts see; the database and the folder of files change in one rename each.

The database is a copy of the stage. The Parquet files of all tables stand in a snapshot folder, to which the link
`parquet` leads; those of partitions that have not changed are shared with the snapshot before, so that only
changed ones are written. Whoever has a file open keeps it, whoever opens one gets the new state.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import duckdb

from resources.warehouse.columns import describe_tables
from resources.warehouse.engine import opened
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.files import Folder, point, remove, sync
from resources.warehouse.inventory import Inventory, note_files, note_live_rows, take_inventory
from resources.warehouse.parquet_files import LAYOUT, note_outlines, write_tables
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import is_empty, quoted_name
from resources.warehouse.stage import compact, ensure_table, sole_writer, stage

READ_ONLY, ALL_MODES = 0o444, 0o777

UNFINISHED = "unfinished"
SECONDS_OF_GRACE = 60.0
"""A replaced snapshot stays for so long, for readers who have listed its files but not yet opened them."""


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
    with sole_writer(folder):
        unfinished = folder.snapshots / UNFINISHED
        remove(unfinished)
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
            _seal(unfinished)
            _swap(folder, unfinished, beside)
            seconds = {"writing files": written - begun, "copying the database": time.monotonic() - written}
        finally:
            remove(unfinished)
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
    with opened(folder, copy) as connection:
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


def _seal(snapshot: Path) -> None:
    """Make every file of a snapshot read-only, for whom the umask lets read it, and force all of it to disk."""
    for path in sorted(snapshot.rglob("*"), reverse=True):
        if path.is_file() and path.stat().st_mode & ~READ_ONLY & ALL_MODES:  # what is shared may be another's
            path.chmod(path.stat().st_mode & READ_ONLY)
        sync(path)
    sync(snapshot)


def _swap(folder: Folder, unfinished: Path, beside: Sequence[str]) -> None:
    """Let the public names lead to the new state."""
    _refuse_obstacles(folder, beside)
    # a database that somebody opened for writing leaves this file, and DuckDB would refuse the new database for it
    folder.database.with_suffix(".duckdb.wal").unlink(missing_ok=True)
    (unfinished / folder.database.name).replace(folder.database)
    try:
        _replace_files(folder, unfinished, beside)
    except OSError as error:
        raise WarehouseError(
            f"The folder {folder.root} is published in part ({error.strerror}): the database is of this run, the "
            "Parquet files may be those of the last. Run it again once that is put right."
        ) from error


def _replace_files(folder: Folder, unfinished: Path, beside: Sequence[str]) -> None:
    for name in beside:
        (unfinished / name).replace(folder.root / name)
    snapshot = folder.snapshots / f"{time.time():017.6f}"
    unfinished.rename(snapshot)
    with suppress(FileNotFoundError, PermissionError):
        os.utime(folder.parquet)  # its time of grace begins now, however many publishes died since it was made
    if not folder.parquet.is_symlink() and folder.parquet.is_dir():  # as backups without links restore it
        folder.parquet.rename(folder.snapshots / f"{snapshot.name}.replaced")
    point(folder.parquet, f"{folder.snapshots.name}/{snapshot.name}")
    sync(folder.snapshots)
    sync(folder.root)


def _refuse_obstacles(folder: Folder, beside: Sequence[str]) -> None:
    """Raise RefusedError if something that is nobody's to replace stands where a file is to be published."""
    files = [folder.database, folder.database.with_suffix(".duckdb.wal"), *(folder.root / name for name in beside)]
    obstacles = [file for file in files if file.is_dir() and not file.is_symlink()]
    if folder.parquet.is_dir() and not folder.parquet.is_symlink():
        obstacles += [] if os.access(folder.parquet, os.W_OK) else [folder.parquet]
        others = (file for file in folder.parquet.rglob("*") if file.is_symlink() or not file.is_dir())
        obstacles += [file for file in others if file.is_symlink() or file.suffix != ".parquet"]
    elif folder.parquet.exists() and not folder.parquet.is_symlink():
        obstacles.append(folder.parquet)
    if obstacles:
        raise RefusedError(
            f"{obstacles[0]} stands where the export publishes and is not its own: move it away and run again. "
            "What was published stays as it was."
        )


def sweep(folder: Folder, grace: float) -> None:
    """Delete the snapshots that were replaced more than `grace` seconds ago, or by a clock that was ahead."""
    current, now = folder.parquet.resolve(), time.time()
    for other in folder.snapshots.iterdir():
        if other.is_dir() and other != current and abs(now - other.stat().st_mtime) > grace:
            remove(other)
