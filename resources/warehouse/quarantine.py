"""Merges the quarantine: rejected records replace those of earlier reads of the same slices."""

import duckdb

from resources.warehouse.batch import Batch
from resources.warehouse.deletions import DeletionScope, remove_rejected
from resources.warehouse.parquet_partitions import NO_PARTITION
from resources.warehouse.sql import execute_counting, files, is_empty, quoted_text


def replace_quarantine(connection: duckdb.DuckDBPyConnection, batch: Batch, scope: DeletionScope) -> int:
    """Replace the quarantined records of a batch's slices by its rejected ones; returns how many were added."""
    if not batch.slices:
        return 0
    removed = 0 if is_empty(connection, "quarantine") else _remove_former(connection, batch, scope)
    added = 0
    if paths := batch.files("rejected"):
        added = execute_counting(connection, f"INSERT INTO quarantine BY NAME FROM {files(paths)}")
    if removed or added:
        connection.execute(f"INSERT INTO _state.changed VALUES ('quarantine', '{NO_PARTITION}')")
    return added


def _remove_former(connection: duckdb.DuckDBPyConnection, batch: Batch, scope: DeletionScope) -> int:
    """Remove what was rejected of the slices before, and what the complete reads would have rejected again."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE slices AS SELECT unnest(?::VARCHAR[]) AS endpoint, "
        "unnest(?::VARCHAR[]) AS parent, "
        'unnest(?::TIMESTAMP[]) AS start, unnest(?::TIMESTAMP[]) AS "end"',
        [[slice_.key[place] for slice_ in batch.slices] for place in range(4)],
    )
    return remove_rejected(connection, scope) + execute_counting(
        connection,
        f"DELETE FROM quarantine USING slices WHERE quarantine.table_name = {quoted_text(scope.table.name)} "
        "AND quarantine.endpoint = slices.endpoint AND quarantine.parent_id IS NOT DISTINCT FROM slices.parent "
        "AND (slices.start IS NULL OR quarantine.window_start >= slices.start "
        'AND quarantine.window_end <= slices."end")',
    )
