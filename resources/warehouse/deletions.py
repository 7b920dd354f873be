"""Marks rows as deleted that are no longer in the account: a complete read did not bring them.

A row counts as deleted if nothing has observed it since such a read began. It stays in its table, with the time of
that read in `_deleted_at`, and is live again as soon as it is observed. An observation or deletion later than `now`,
the moment of the merge in SQL, was noted by a wrong clock: it gives way to such a read, unless the batch has the row.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from resources.warehouse.parquet_partitions import note_changes
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import (
    MAX_ROWS_AT_ONCE,
    divide,
    equal_columns,
    execute_counting,
    is_empty,
    parquet_rows,
    quoted_name,
    quoted_names,
    quoted_text,
)


@dataclass(frozen=True)
class CompleteRead:
    """A read, begun at `at` (naive UTC), that can have missed no row whose `where` columns have these values."""

    at: datetime
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CompleteParentList:
    """A complete list of parents, requested at `at` (naive UTC): rows whose `column` is not in `values` are deleted."""

    at: datetime
    column: str
    values: Collection[str]


CompleteReads = Sequence[CompleteRead | CompleteParentList]


@dataclass(frozen=True)
class DeletionScope:
    """What was completely read of a table, so that rows can be deleted, and `now`, the moment of the merge in SQL."""

    table: TableSchema
    complete_reads: CompleteReads
    now: str


def mark_deleted(
    connection: duckdb.DuckDBPyConnection, scope: DeletionScope, rows: Sequence[str], present: Sequence[str]
) -> int:
    """Mark the rows of a table that the complete reads have not brought as deleted; returns how many were live before.

    `rows` are the Parquet files that were merged, `present` those of keys that are in the account although no row came.
    """
    table, now = scope.table, scope.now
    name, keys = quoted_name(table.name), quoted_names(table.key)
    if not scope.complete_reads or is_empty(connection, name):
        return 0
    columns = _make_complete_reads(connection, scope)
    same_part = equal_columns(columns, name, "complete_reads") or "true"
    brought = [f"SELECT {keys} FROM {parquet_rows(present)}"] if present else []
    brought += [f"SELECT {keys} FROM {parquet_rows(rows)} WHERE _extracted_at > {now}"] if rows else []
    unless_brought = f"ANTI JOIN ({' UNION ALL '.join(brought)}) USING ({keys})" if brought else ""
    dates = [table.date] if table.date else []
    needed = ", ".join(f"{name}.{quoted_name(column)}" for column in (*table.key, *dates, "_deleted_at"))
    marked = execute_counting(
        connection,
        f"""
        CREATE TEMP TABLE deleted AS
        SELECT {needed}, complete_reads._at AS _read_at
        FROM {name} {unless_brought} JOIN complete_reads ON {same_part}
        WHERE
            ({name}._deleted_at IS NULL OR {name}._deleted_at > {now})
            AND ({name}._extracted_at < complete_reads._at OR {name}._extracted_at > {now})
        """,
    )
    newly_deleted = 0
    if marked:
        newly_deleted = execute_counting(connection, "SELECT count(*) FROM deleted WHERE _deleted_at IS NULL")
        note_changes(connection, table, "deleted")
        same_key = equal_columns(table.key, name, "deleted")
        for some in divide("deleted", table.key, marked, MAX_ROWS_AT_ONCE):
            connection.execute(
                f"""
                UPDATE {name} SET _deleted_at = _read_at, _extracted_at = least({name}._extracted_at, _read_at)
                FROM {some} AS deleted WHERE {same_key}
                """
            )
    connection.execute("DROP TABLE deleted")
    return newly_deleted


def remove_rejected(connection: duckdb.DuckDBPyConnection, scope: DeletionScope) -> int:
    """Remove from quarantine what was rejected before the complete reads, which would have rejected it again."""
    if not scope.complete_reads:
        return 0
    columns = _make_complete_reads(connection, scope)
    same_part = "".join(f" AND quarantine.parent_id = complete_reads.{quoted_name(column)}" for column in columns)
    return execute_counting(
        connection,
        f"""
        DELETE FROM quarantine USING complete_reads
        WHERE
            quarantine.table_name = {quoted_text(scope.table.name)}
            AND (quarantine._extracted_at < complete_reads._at OR quarantine._extracted_at > {scope.now})
            {same_part}
        """,
    )


def _make_complete_reads(connection: duckdb.DuckDBPyConnection, scope: DeletionScope) -> list[str]:
    """Make the table `complete_reads` of column values and the time `_at`; returns the names of those columns.

    Reads that began after `now` are left out: what happened after them is unknown.
    """
    reads = [read for read in scope.complete_reads if isinstance(read, CompleteRead)]
    lists = [read for read in scope.complete_reads if isinstance(read, CompleteParentList)]
    names = list(reads[0].where) if reads else [parents.column for parents in lists]
    declared = "".join(f"{quoted_name(name)} VARCHAR, " for name in names)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE complete_reads ({declared}_at TIMESTAMP)")
    values = [*([read.where[name] for read in reads] for name in names), [read.at for read in reads]]
    unnested = ", ".join(["unnest(?)"] * len(values))
    connection.execute(f"INSERT INTO complete_reads SELECT {unnested}", values)
    for parents in lists:
        column = quoted_name(parents.column)
        connection.execute(
            f"""
            INSERT INTO complete_reads
            SELECT DISTINCT {column}, ?::TIMESTAMP FROM {quoted_name(scope.table.name)}
            WHERE NOT list_contains(?::VARCHAR[], {column})
            """,
            [parents.at, list(parents.values)],
        )
    connection.execute(f"DELETE FROM complete_reads WHERE _at > {scope.now}")
    return names
