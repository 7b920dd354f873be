"""A merge: a batch becomes rows of the stage, in one transaction.

For each key the newest observation wins, so that the order of merges, and merging a batch twice, makes no difference.
What must be published anew is noted in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from resources.warehouse.batch import Batch
from resources.warehouse.deletions import Whole, forget_rejected, mark_deleted
from resources.warehouse.history import keep_history
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.stage_file import ensure_table, stage, writer_lock
from resources.warehouse.origin import Origin, keep_to_one_origin, note_origin
from resources.warehouse.parquet_partitions import NO_PARTITION, keep_months, note_changes
from resources.warehouse.schema import Month, TableSchema
from resources.warehouse.sql import execute_counting, files, is_empty, quoted_name, quoted_paths, quoted_text
from resources.warehouse.suppression import clear, read_suppression


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
