"""The Parquet files of a snapshot: changed ones are written, the others shared with the snapshot before."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import duckdb

from resources.warehouse.errors import RefusedError
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.inventory import Inventory
from resources.warehouse.parquet_partitions import (
    NO_PARTITION,
    find_empty_columns,
    is_new,
    partitions_changed,
    partitions_of,
    rows_in_partition,
)
from resources.warehouse.parquet_paths import parquet_path
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import is_empty, write_parquet

LAYOUT = 4
"""Version of how rows are divided into files, and how their columns are declared; raised when that changes."""

MAX_FILES_AT_ONCE = 2
"""Files that are written concurrently; each takes memory for its columns."""


def write_tables(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[TableSchema],
    folder: Folder,
    snapshot: Path,
    inventory: Inventory,
) -> int:
    """Write the changed files of the tables, or all if nothing was published yet or a table's outline has changed.

    Returns how many were written.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS _state.published_files (table_name VARCHAR, outline VARCHAR)")
    is_first = is_new(connection)
    known = set(connection.execute("SELECT table_name, outline FROM _state.published_files").fetchall())
    written = 0
    with declare_nullable(connection):
        for table in tables:
            can_share = not is_first and (table.name, _outline_of_files(table)) in known
            written += _write_parquet(connection, table, folder, snapshot, inventory if can_share else Inventory())
    return written


@contextmanager
def declare_nullable(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Have each column of the files that are written meanwhile declared nullable, so that all files of a table agree.

    DuckDB 2 declares a column required where it knows of no null in the table, which changes between two publishes;
    without its statistics it knows nothing. If writing fails, this DuckDB is closed, and the setting with it.
    """
    connection.execute("SET disabled_optimizers = 'statistics_propagation'")
    yield
    connection.execute("RESET disabled_optimizers")


def note_outlines(connection: duckdb.DuckDBPyConnection, tables: Sequence[TableSchema]) -> None:
    """Record the outline of the published files of each table."""
    connection.execute(
        "CREATE OR REPLACE TABLE _state.published_files AS SELECT unnest(?) AS table_name, unnest(?) AS outline",
        [[table.name for table in tables], list(map(_outline_of_files, tables))],
    )


def _outline_of_files(table: TableSchema) -> str:
    """Return the outline of a table's files: a hash of their columns, and of how they are divided."""
    columns = [(column.name, column.sql_type) for column in table.columns]
    return sha256(repr((LAYOUT, columns, table.files)).encode()).hexdigest()


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, folder: Folder, snapshot: Path, inventory: Inventory
) -> int:
    """Write the changed files of a table into the snapshot, and share the others; returns how many were written.

    Intact files of the inventory can be shared; where there are none, all are written.
    """
    target, previous = snapshot / table.name, folder.parquet / table.name
    target.mkdir(parents=True)
    intact, damaged = (
        inventory.below(names, Path(folder.parquet.name, table.name)) for names in (inventory.intact, inventory.changed)
    )
    is_anew = not intact
    changed = partitions_of(connection, table) if is_anew else partitions_changed(connection, table)
    if damaged and not is_anew:
        changed |= {name for name in partitions_of(connection, table) if parquet_path(table, name) in damaged}
    written = _write_files(connection, table, changed, target)
    if not is_anew:
        shared = intact - {parquet_path(table, partition) for partition in changed}
        if written or len(shared) > 1:
            shared -= _file_of_no_rows(connection, table, shared)
        _share(previous, target, shared)
    if not any(target.rglob("*.parquet")):  # an empty file, so that readers find the columns
        written += _write_file(connection, table, None, target)
    return written


def _file_of_no_rows(connection: duckdb.DuckDBPyConnection, table: TableSchema, places: Collection[Path]) -> set[Path]:
    """Find the file that the table had while it was empty: beside others, pandas cannot read it."""
    place = parquet_path(table, None)
    if place in places and is_empty(connection, f"({rows_in_partition(table, NO_PARTITION)})"):
        return {place}
    return set()


def _write_files(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, partitions: Collection[str], target: Path
) -> int:
    """Write partitions concurrently, as one alone keeps little more than one core busy; returns how many files."""
    empty = find_empty_columns(connection, table) if partitions else ()

    def write(partition: str) -> int:
        with connection.cursor() as another:
            another.execute("USE opened")
            return _write_file(another, table, partition, target, empty)

    with ThreadPoolExecutor(MAX_FILES_AT_ONCE) as threads:
        return sum(threads.map(write, sorted(partitions)))  # the rows of neighbouring months often share blocks


def _write_file(
    connection: duckdb.DuckDBPyConnection,
    table: TableSchema,
    partition: str | None,
    target: Path,
    empty: Collection[str] = (),
) -> int:
    """Write the file of a partition, without rows for None; a COPY each takes a third of the time of one for all."""
    rows = rows_in_partition(table, NO_PARTITION if partition is None else partition, empty)
    file = target / parquet_path(table, partition)
    _make_folder(file, target)
    is_left_out_if_empty = table.files is not None and partition is not None
    if not write_parquet(connection, rows, file) and is_left_out_if_empty:
        file.unlink()
        file.parent.rmdir()
        return 0
    return 1


def _make_folder(file: Path, target: Path) -> None:
    if file.parent == target:
        return
    try:
        file.parent.mkdir()
    except FileExistsError:
        raise RefusedError(
            f"The file system of {target} does not distinguish upper and lower case in the names of two partitions, of "
            f"which one is {file.parent.name}: set COUPONTOOLS_DATA_DIR to a folder on one that does."
        ) from None


def _share(previous: Path, target: Path, places: Collection[Path]) -> None:
    for place in places:
        _make_folder(target / place, target)
        take_over(previous / place, target / place)


def take_over(file: Path, target: Path) -> None:
    """Take over a file of the snapshot before: as a link, or as a copy where a person has moved it to another disk."""
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copy2(file, target)
