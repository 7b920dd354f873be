"""A merge: a batch becomes rows of the stage, in one transaction.

For each key the newest observation wins, so that the order of merges, and merging a batch twice, makes no difference.
What must be published again is noted in the same transaction.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import duckdb

from resources.utc import MAX_CLOCK_DIFFERENCE, utc_now
from resources.warehouse.batch import Batch
from resources.warehouse.brief_observations import complete_brief, complete_newest, find_incomplete
from resources.warehouse.completed_slices import record_slices
from resources.warehouse.deletions import CompleteReads, DeletionScope, mark_deleted
from resources.warehouse.engine import Engine
from resources.warehouse.history import keep_history
from resources.warehouse.origin import Origin, keep_to_one_origin
from resources.warehouse.parquet_partitions import keep_months, note_changes
from resources.warehouse.quarantine import replace_quarantine
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import (
    MAX_ROWS_AT_ONCE,
    divide,
    equal_columns,
    execute_counting,
    parquet_rows,
    query_repeated,
    quoted_name,
    quoted_names,
    quoted_text,
)
from resources.warehouse.stage_tables import ensure_table
from resources.warehouse.suppression import SuppressionList, remove_suppressed
from resources.warehouse.warehouse_id import record_merge


@dataclass(frozen=True)
class MergePlan:
    """Where a batch goes: its table, and the table of the records that were rejected.

    Rows that the complete reads have not brought are marked as deleted; with `rejected_only` the table stays as it is.
    `origin` is whose rows they are, `secret` that of the environment, by which suppressed people are known.
    `clock_lead` is by how much the machine's clock is ahead of the API's.
    """

    table: TableSchema
    quarantine: TableSchema
    origin: Origin
    complete_reads: CompleteReads = ()
    rejected_only: bool = False
    secret: bytes | None = None
    clock_lead: timedelta = timedelta(0)


@dataclass(frozen=True)
class MergeResult:
    """What a merge did.

    Rows that were `new`, `touched` (already there, now as last observed) and `deleted` (no longer in the account);
    changes kept in the table's history; records `rejected`. `warehouse` is the id of the one that it was done in, and
    `merged_at` is when (naive UTC).
    """

    new: int = 0
    touched: int = 0
    deleted: int = 0
    changed: int = 0
    rejected: int = 0
    warehouse: str = field(default="", compare=False)
    merged_at: datetime | None = field(default=None, compare=False)


def merge(engine: Engine, batch: Batch, plan: MergePlan) -> MergeResult:
    """Merge a batch into the stage, all or nothing, and delete it.

    Whoever was suppressed since the batch was begun is removed from it first.
    Raises WarehouseError; RefusedError if the stage holds the rows of another origin.
    """
    with engine.hold_writer_lock():
        _remove_suppressed_since(batch, plan, engine.read_suppression(plan.secret))
        published = engine.read_origin()
        with engine.open_stage(batch.files("rows")) as connection:
            origin = keep_to_one_origin(connection, engine.place, published, plan.origin)
            history = [plan.table.history.table] if plan.table.history else []
            for table in (plan.table, plan.quarantine, *history):
                ensure_table(engine, connection, table)
            merged = _merge(connection, batch, plan)
            if not plan.rejected_only:
                record_slices(engine, connection, batch)
            merged_at = record_merge(connection)
        engine.write_origin(origin)
    batch.delete()
    return replace(merged, warehouse=origin.warehouse, merged_at=merged_at)


def _remove_suppressed_since(batch: Batch, plan: MergePlan, suppressed: SuppressionList) -> None:
    """Remove from a batch whoever was suppressed since it was begun."""
    if batch.suppression == suppressed.version:
        return
    for kind, table in (("rows", plan.table), ("present", plan.table), ("rejected", plan.quarantine)):
        batch.rewrite(kind, partial(remove_suppressed, table=table, suppressed=suppressed))
    batch.suppression = suppressed.version


def _merge(connection: duckdb.DuckDBPyConnection, batch: Batch, plan: MergePlan) -> MergeResult:
    moment = utc_now()
    now = f"TIMESTAMP {quoted_text(moment)}"
    # a change cannot be read again: it gives way only where neither clock can be behind
    latest = f"TIMESTAMP {quoted_text(max(moment, moment - plan.clock_lead) + MAX_CLOCK_DIFFERENCE)}"
    if plan.rejected_only:
        return MergeResult(rejected=replace_quarantine(connection, batch, DeletionScope(plan.table, (), now)))
    scope = DeletionScope(plan.table, plan.complete_reads, now)
    merged = _merge_rows(connection, plan.table, batch, now, latest)
    deleted = mark_deleted(connection, scope, batch.files("rows"), batch.files("present"))
    return replace(merged, deleted=deleted, rejected=replace_quarantine(connection, batch, scope))


def _merge_rows(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, batch: Batch, now: str, latest: str
) -> MergeResult:
    """Insert the newest observation of each key, unless the table has a newer one.

    Rows observed later than `now`, and changes later than `latest`, were noted by a wrong clock, and give way to any
    other.
    """
    if not batch.files("rows"):
        return MergeResult()
    name, keys = quoted_name(table.name), quoted_names(table.key)
    observed = f"greatest({name}._extracted_at, {name}._deleted_at)"
    is_older = f"({observed} <= incoming._extracted_at OR {observed} > {now})"
    is_one_list = len({slice_.key.endpoint for slice_ in batch.slices}) == 1
    observations = _make_incoming(connection, table, batch, now, is_one_list=is_one_list)
    complete_brief(connection, table, observations, is_older, is_one_list=is_one_list)
    note_changes(connection, table, "incoming")
    keep_months(connection, table)
    connection.execute(
        f"CREATE TEMP TABLE known AS SELECT {keys}, {is_older} AS is_older FROM {name} JOIN incoming USING ({keys})"
    )
    older, newer = "(FROM known WHERE is_older)", "(FROM known WHERE is_older IS NOT TRUE)"
    touched = execute_counting(connection, f"SELECT count(*) FROM {older}")
    changed = keep_history(connection, table, table.history, is_older, latest) if touched and table.history else 0
    same_key = equal_columns(table.key, name, "older")  # not by row number, as in a lake two rows may have the same one
    for some in divide(older, table.key, touched, MAX_ROWS_AT_ONCE):
        connection.execute(f"DELETE FROM {name} USING {some} AS older WHERE {same_key}")
    columns = quoted_names(table.column_names)
    inserted = execute_counting(
        connection, f"INSERT INTO {name} ({columns}) SELECT {columns} FROM incoming ANTI JOIN {newer} USING ({keys})"
    )
    connection.execute("DROP TABLE known")
    connection.execute("DROP VIEW incoming")
    connection.execute("DROP TABLE repeated")
    connection.execute("DROP TABLE IF EXISTS newest")
    connection.execute("DROP TABLE IF EXISTS completed")
    return MergeResult(new=inserted - touched, touched=touched, changed=changed)


def _make_incoming(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, batch: Batch, now: str, *, is_one_list: bool
) -> str:
    """Make the view `incoming` of the newest observation of each key, complete if it is brief; returns its query."""
    files, keys = batch.files("rows"), quoted_names(table.key)
    source, placed = parquet_rows(files), parquet_rows(files, "filename = '_file', file_row_number = true")
    once = f"SELECT * FROM {source}"
    if execute_counting(connection, f"CREATE TEMP TABLE repeated AS {query_repeated(source, table.key)}"):
        find_incomplete(connection, table, source)
        newest_first = f"_extracted_at > {now}, _extracted_at DESC"
        is_first = f"row_number() OVER (PARTITION BY {keys} ORDER BY {newest_first}) = 1"
        connection.execute(  # by their places, as ordering whole rows takes much memory
            f"""
            CREATE TEMP TABLE newest AS
            SELECT * EXCLUDE (_file, file_row_number) FROM {placed} SEMI JOIN (
                SELECT _file, file_row_number
                FROM {placed} SEMI JOIN (FROM repeated ANTI JOIN incomplete USING ({keys})) USING ({keys})
                QUALIFY {is_first}
            ) AS first USING (_file, file_row_number)
            """
        )
        complete_newest(connection, table, placed, newest_first, is_one_list=is_one_list)
        once += f" ANTI JOIN repeated USING ({keys}) UNION ALL BY NAME FROM newest"
    connection.execute(f"CREATE TEMP VIEW incoming AS {once}")
    return once
