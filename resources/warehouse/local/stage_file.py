"""The stage: the private DuckDB database that batches are merged into, by one process at a time.

A merge is one transaction. For each key the newest observation wins, so that the order of merges, and merging a
batch twice, makes no difference. What must be published anew is noted in the same transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from resources.warehouse.batch import Batch
from resources.warehouse.columns import create_table, fit_columns
from resources.warehouse.deletions import Whole, forget_rejected, mark_deleted
from resources.warehouse.formats import bring_up_to_date
from resources.warehouse.history import keep_history
from resources.warehouse.local.damage import damaged_stage, is_cut_off, is_damaged
from resources.warehouse.local.database_file import open_database, write_compact
from resources.warehouse.local.folder import PRIVATE_FILE, Folder, move_into_place, name_folder_in_errors, remove_tree
from resources.warehouse.local.restage import make_stage, unfinished_stage
from resources.warehouse.origin import Origin, keep_to_one_origin, note_origin
from resources.warehouse.parquet_partitions import NO_PARTITION, keep_months, note_changes, remember_months
from resources.warehouse.schema import Month, TableSchema
from resources.warehouse.sql import execute_counting, files, is_empty, quoted_name, quoted_paths, quoted_text
from resources.warehouse.suppression import clear, read_suppression

MIN_FREE_BLOCKS = 40
"""Room in a stage, in blocks of 256 kB, that is not worth a thought."""


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    Rows that were `new`, `touched` (already there, now as last observed) and `deleted` (no longer in the account);
    changes kept in the table's history; records `rejected`.
    """

    new: int = 0
    touched: int = 0
    deleted: int = 0
    changed: int = 0
    rejected: int = 0


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


def merge(
    folder: Folder,
    batch: Batch,
    table: TableSchema,
    quarantine: TableSchema,
    origin: Origin,
    *,
    whole: Whole,
    rejected_only: bool,
    secret: bytes | None,
) -> Merged:
    """Merge the rows of a batch (unless `rejected_only`) and its rejected records, all or nothing.

    Rows that a `whole` read has not brought are marked as deleted. Rows of another `origin` must not be in the
    folder. Whoever was forgotten since the batch was begun is taken out of it; `secret` is that of the environment.

    Raises WarehouseError; RefusedError if the folder is another's.
    """
    with writer_lock(folder), stage(folder) as connection:
        clear(batch, table, quarantine, read_suppression(folder, secret))
        connection.begin()
        try:
            keep_to_one_origin(connection, folder, origin)
            for each in (table, quarantine, *([table.history.table] if table.history else [])):
                ensure_table(connection, folder, each)
            merged, now = Merged(), f"TIMESTAMP {quoted_text(datetime.now(UTC).replace(tzinfo=None))}"
            if not rejected_only:
                rows, seen = batch.files("rows.parquet"), batch.files("seen.parquet")
                merged = _merge_rows(connection, table, rows, now)
                merged = replace(merged, deleted=mark_deleted(connection, table, whole, rows, seen, now))
            rejected = _replace_quarantine(connection, table, quarantine, batch, [] if rejected_only else whole, now)
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
        note_origin(folder, origin)
    return replace(merged, rejected=rejected)


def _merge_rows(connection: duckdb.DuckDBPyConnection, table: TableSchema, paths: Sequence[Path], now: str) -> Merged:
    """Insert the newest observation of each key, unless the table has a newer one.

    What the table has from after `now` is of a clock that went wrong, and gives way to any other.
    """
    if not paths:
        return Merged()
    name, keys = quoted_name(table.name), ", ".join(map(quoted_name, table.key))
    _make_incoming(connection, keys, paths, now)
    note_changes(connection, table, "incoming")
    if isinstance(table.files, Month):
        keep_months(connection, table, table.files)
    observed = f"greatest({name}._extracted_at, {name}._deleted_at)"
    is_older = f"({observed} <= incoming._extracted_at OR {observed} > {now})"
    changed = keep_history(connection, table, table.history, is_older, now) if table.history else 0
    same_key = " AND ".join(f"{name}.{key} = incoming.{key}" for key in map(quoted_name, table.key))
    touched = execute_counting(connection, f"DELETE FROM {name} USING incoming WHERE {same_key} AND {is_older}")
    columns = ", ".join(map(quoted_name, table.column_names))
    inserted = execute_counting(
        connection, f"INSERT INTO {name} ({columns}) SELECT {columns} FROM incoming ANTI JOIN {name} USING ({keys})"
    )
    connection.execute("DROP VIEW incoming")
    connection.execute("DROP TABLE newest")
    return Merged(new=inserted - touched, touched=touched, changed=changed)


def _make_incoming(connection: duckdb.DuckDBPyConnection, keys: str, paths: Sequence[Path], now: str) -> None:
    """Make the view `incoming`: the newest observation of each key in the files."""
    source = files(paths)
    repeated = f"SELECT {keys} FROM {source} GROUP BY ALL HAVING count(*) > 1"
    connection.execute(
        f"CREATE TEMP TABLE newest AS SELECT * FROM {source} SEMI JOIN ({repeated}) USING ({keys}) "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY _extracted_at > {now}, _extracted_at DESC) = 1"
    )
    once = f"SELECT * FROM {source}"
    if execute_counting(connection, "SELECT count(*) FROM newest"):
        once += f" ANTI JOIN newest USING ({keys}) UNION ALL BY NAME FROM newest"
    connection.execute(f"CREATE TEMP VIEW incoming AS {once}")


def _replace_quarantine(
    connection: duckdb.DuckDBPyConnection,
    table: TableSchema,
    quarantine: TableSchema,
    batch: Batch,
    whole: Whole,
    now: str,
) -> int:
    """Put the rejected records of a batch in the place of those of the slices that it has read again."""
    if not batch.slices:
        return 0
    removed = 0 if is_empty(connection, "quarantine") else _remove_rejected(connection, table, batch, whole, now)
    added = 0
    if paths := batch.files("rejected.parquet"):
        columns = ", ".join(map(quoted_name, quarantine.column_names))
        added = execute_counting(connection, f"INSERT INTO quarantine ({columns}) SELECT {columns} FROM {files(paths)}")
    if removed or added:
        connection.execute(f"INSERT INTO _state.changed VALUES ('quarantine', '{NO_PARTITION}')")
    return added


def _remove_rejected(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, batch: Batch, whole: Whole, now: str
) -> int:
    columns = "endpoint: 'VARCHAR', parent: 'VARCHAR', start: 'TIMESTAMP', \"end\": 'TIMESTAMP'"
    manifests = quoted_paths(batch.files("slices.json"))
    slices = f"read_json({manifests}, format = 'array', hive_partitioning = false, columns = {{{columns}}}) AS slices"
    return forget_rejected(connection, table, whole, now) + execute_counting(
        connection,
        f"DELETE FROM quarantine USING {slices} WHERE quarantine.table_name = {quoted_text(table.name)} "
        "AND quarantine.endpoint = slices.endpoint AND quarantine.parent_id IS NOT DISTINCT FROM slices.parent "
        "AND (slices.start IS NULL OR quarantine.window_start >= slices.start "
        'AND quarantine.window_end <= slices."end")',
    )
