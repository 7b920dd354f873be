"""Publishing: the stage becomes what analysts see; the database and the folder of files change in one rename each.

The database is a copy of the stage. The Parquet files of all tables stand in a snapshot folder, to which the link
`parquet` leads; those of months that have not changed are shared with the snapshot before, so that only changed ones
are written. Whoever has a file open keeps it, whoever opens one gets the new state.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb

from resources.warehouse.files import Folder, point, remove, sync
from resources.warehouse.months import NO_MONTH, months_changed, months_of, rows_in_month
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import quoted_name, quoted_text
from resources.warehouse.stage import describe_tables, ensure_table, sole_writer, stage

READ_ONLY = 0o444

UNFINISHED = "unfinished"
SECONDS_OF_GRACE = 60.0
"""A replaced snapshot stays for so long, for readers who have listed its files but not yet opened them."""


@dataclass(frozen=True)
class Published:
    """What a publish brought out: the rows of each table, and how many Parquet files had to be written."""

    rows: dict[str, int]
    files_written: int


def publish(folder: Folder, tables: Sequence[TableSchema]) -> Published:
    """Bring the stage out as it is now. Raises WarehouseError; then the last snapshot stays."""
    with sole_writer(folder):
        unfinished = folder.snapshots / UNFINISHED
        remove(unfinished)
        try:
            with stage(folder) as connection:
                for table in tables:
                    ensure_table(connection, table)
                rows = {table.name: _count(connection, table) for table in tables}
                files_written = sum(_write_parquet(connection, table, folder, unfinished) for table in tables)
                connection.execute("CHECKPOINT")
            _copy_database(folder.stage, unfinished / folder.database.name, tables)
            _seal(unfinished)
            _swap(folder, unfinished)
        finally:
            remove(unfinished)
        with stage(folder) as connection:
            connection.execute("DELETE FROM _state.changed")
    return Published(rows, files_written)


def _count(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {quoted_name(table.name)}").fetchall()[0][0])


def _write_parquet(connection: duckdb.DuckDBPyConnection, table: TableSchema, folder: Folder, snapshot: Path) -> int:
    """Write the changed files of a table into the snapshot, and share the others; returns how many were written."""
    target, previous = snapshot / table.name, folder.parquet / table.name
    target.mkdir(parents=True)
    changed = months_changed(connection, table) if previous.exists() else months_of(connection, table)
    for month in changed:
        _write_file(connection, table, month, target)
    if previous.exists():
        _share(previous, target, but_not=changed)
    if any(target.rglob("*.parquet")):
        return len(changed)
    _write_file(connection, table, NO_MONTH, target)  # an empty file, so that readers find the columns
    return 1


def _write_file(connection: duckdb.DuckDBPyConnection, table: TableSchema, month: str, target: Path) -> None:
    """Write the rows of one month; one COPY a month takes a third of the time of one that partitions."""
    folder = target / f"month={month}" if table.month else target
    folder.mkdir(exist_ok=True)
    connection.execute(
        f"COPY ({rows_in_month(table, month)}) TO {quoted_text(folder / 'data_0.parquet')} "
        "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )


def _share(previous: Path, target: Path, but_not: set[str]) -> None:
    """Link the files of the snapshot before, but not those of the months in `but_not`."""
    for file in previous.rglob("*.parquet"):
        month = NO_MONTH if file.parent == previous else file.parent.name.removeprefix("month=")
        if month not in but_not:
            copy = target / file.relative_to(previous)
            copy.parent.mkdir(exist_ok=True)
            copy.hardlink_to(file)


def _copy_database(stage_file: Path, copy: Path, tables: Sequence[TableSchema]) -> None:
    """Copy the closed stage, without what is private in it."""
    shutil.copyfile(stage_file, copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute("DROP SCHEMA _state CASCADE")
        describe_tables(connection, tables)
        connection.execute("CHECKPOINT")


def _seal(snapshot: Path) -> None:
    """Make every file of a snapshot read-only, and force all of it to disk."""
    for path in sorted(snapshot.rglob("*"), reverse=True):
        if path.is_file():
            path.chmod(READ_ONLY)
        sync(path)
    sync(snapshot)


def _swap(folder: Folder, unfinished: Path) -> None:
    """Let the public names lead to the new state, and delete snapshots that nobody can still be about to open."""
    # a database that somebody opened for writing leaves this file, and DuckDB would refuse the new database for it
    folder.database.with_suffix(".duckdb.wal").unlink(missing_ok=True)
    (unfinished / folder.database.name).replace(folder.database)
    snapshot = folder.snapshots / _moment(0)
    unfinished.rename(snapshot)
    point(folder.parquet, f"{folder.snapshots.name}/{snapshot.name}")
    sync(folder.snapshots)
    sync(folder.root)
    known = sorted(path for path in folder.snapshots.iterdir() if path.is_dir())
    for replaced, successor in pairwise(known):
        if successor.name < _moment(SECONDS_OF_GRACE):
            remove(replaced)


def _moment(seconds_ago: float) -> str:
    """The name of a snapshot of that moment; names sort by time."""
    return f"{time.time() - seconds_ago:017.6f}"
