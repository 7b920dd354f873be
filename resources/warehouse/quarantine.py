"""Merges the quarantine: the rejected records of a slice that was read to its end replace those of earlier reads.

A record that is rejected again, also by a slice of other days, replaces its former rows.
"""

from collections.abc import Sequence

import duckdb

from resources.warehouse.batch import Batch
from resources.warehouse.deletions import DeletionScope, remove_rejected
from resources.warehouse.parquet_partitions import NO_PARTITION
from resources.warehouse.row_numbers import renumber_rows
from resources.warehouse.sql import execute_counting, is_empty, parquet_rows, quoted_text

_OF_A_RECORD = ("table_name", "endpoint", "parent_id", "record")


def replace_quarantine(connection: duckdb.DuckDBPyConnection, batch: Batch, scope: DeletionScope) -> int:
    """Replace the quarantined records of a batch's slices by its rejected ones; returns how many were added."""
    if not batch.slices:
        return 0
    paths, removed, added = batch.files("rejected"), 0, 0
    if not is_empty(connection, "quarantine"):
        removed = _remove_former(connection, batch, scope) + (_remove_same(connection, paths) if paths else 0)
    if paths:
        added = execute_counting(connection, f"INSERT INTO quarantine BY NAME FROM {parquet_rows(paths)}")
    if removed or added:
        connection.execute(f"INSERT INTO _state.changed VALUES ('quarantine', '{NO_PARTITION}')")
    return added


def _remove_former(connection: duckdb.DuckDBPyConnection, batch: Batch, scope: DeletionScope) -> int:
    """Remove what was rejected of the slices before, and what the complete reads would have rejected again."""
    slices = [slice_.key for slice_ in batch.slices if slice_.is_complete]
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE slices AS
        SELECT
            unnest(?::VARCHAR[]) AS endpoint,
            unnest(?::VARCHAR[]) AS parent,
            unnest(?::TIMESTAMP[]) AS first_day,
            unnest(?::TIMESTAMP[]) AS last_day
        """,
        [[key[place] for key in slices] for place in range(4)],
    )
    return remove_rejected(connection, scope) + execute_counting(
        connection,
        f"""
        DELETE FROM quarantine USING slices
        WHERE
            quarantine.table_name = {quoted_text(scope.table.name)}
            AND quarantine.endpoint = slices.endpoint
            AND quarantine.parent_id IS NOT DISTINCT FROM slices.parent
            AND (
                slices.first_day IS NULL
                OR quarantine.window_start >= slices.first_day AND quarantine.window_end <= slices.last_day
            )
        """,
    )


def _remove_same(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> int:
    """Remove the records that the same list has brought again, each once: redacted ones may look the same."""
    renumber_rows(connection, "quarantine")
    columns = ", ".join(_OF_A_RECORD)
    number = f"row_number() OVER (PARTITION BY {columns}) AS number"
    same = " AND ".join(f"former.{column} IS NOT DISTINCT FROM again.{column}" for column in (*_OF_A_RECORD, "number"))
    return execute_counting(
        connection,
        f"""
        DELETE FROM quarantine WHERE rowid IN (
            SELECT row
            FROM (SELECT rowid AS row, {columns}, {number} FROM quarantine) AS former
            SEMI JOIN (SELECT {columns}, {number} FROM {parquet_rows(paths)}) AS again ON {same}
        )
        """,
    )
