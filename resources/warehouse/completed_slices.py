"""Records the slices that merges have completed, in the stage and in the same transactions.

A run that dies between its merge and its publish has merged slices that the next run with the same resume key need not
read again. Records count until they expire, and only if their run is dead: a living run may still publish its slices,
and after a run has published or ended, the next one with its key reads everything again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb

from resources.utc import utc_now
from resources.warehouse.batch import Batch, BatchKey, SliceKey
from resources.warehouse.engine import Engine
from resources.warehouse.sql import is_empty

_IS_IN_TIME = "begun_at <= ? AND resumable_until > ?"
"""A beginning later than now was noted while the clock was ahead: its age is unknown."""


def find_merged_slices(engine: Engine, key: BatchKey) -> frozenset[SliceKey]:
    """Find the slices that dead runs with this key have merged and not published. Raises WarehouseError."""
    dead = _select_dead(engine.list_runs())
    if not (dead and key.resumable_for and engine.has_stage()):
        return frozenset()  # without waiting for the writer lock
    now = utc_now()
    with engine.hold_writer_lock(), engine.open_stage() as connection:
        rows = connection.execute(
            f"""
            SELECT DISTINCT endpoint, parent, window_start, window_end FROM _state.completed_slices
            WHERE resume_key = ? AND suppression = ? AND list_contains(?, run_id) AND {_IS_IN_TIME}
            """,
            [key.resume_key, key.suppression, dead, now, now],
        ).fetchall()
    return frozenset(SliceKey(*row) for row in rows)


def record_slices(engine: Engine, connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Record the slices of a batch, in the transaction of its merge, if it may be resumed; prune outdated records.

    Records of dead runs with the same key are taken over by this run.
    """
    now, manifest = utc_now(), batch.manifest
    dead = _prune(engine, connection, now)
    if not manifest.is_resumable(now.replace(tzinfo=UTC)):
        return
    engine.register_run()
    connection.execute(
        """
        UPDATE _state.completed_slices SET run_id = ?
        WHERE resume_key = ? AND suppression = ? AND list_contains(?::VARCHAR[], run_id)
        """,
        [engine.run_id, manifest.resume_key, manifest.suppression, dead],
    )
    slices = [slice_.key for slice_ in batch.slices if slice_.is_complete]
    times = [moment.astimezone(UTC).replace(tzinfo=None) for moment in (manifest.begun_at, manifest.resumable_until)]
    connection.execute(
        """
        INSERT INTO _state.completed_slices
        SELECT ?, ?, ?, ?, ?, unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])
        """,
        [
            *(engine.run_id, manifest.resume_key, manifest.suppression, *times),
            *([slice_[place] for slice_ in slices] for place in range(4)),
        ],
    )


def delete_slices(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Delete the records of a run that has published what it merged."""
    connection.execute("DELETE FROM _state.completed_slices WHERE run_id = ?", [run_id])


def _prune(engine: Engine, connection: duckdb.DuckDBPyConnection, now: datetime) -> list[str]:
    """Delete records that are out of date, and those of runs that have ended; returns the dead runs that have some."""
    runs = engine.list_runs()
    if not runs and is_empty(connection, "_state.completed_slices"):
        return []
    connection.execute(
        f"DELETE FROM _state.completed_slices WHERE NOT ({_IS_IN_TIME}) OR NOT list_contains(?::VARCHAR[], run_id)",
        [now, now, list(runs)],
    )
    left = {row[0] for row in connection.execute("SELECT DISTINCT run_id FROM _state.completed_slices").fetchall()}
    dead = _select_dead(runs)
    for run_id in set(dead) - left:
        engine.remove_run(run_id)
    return [run_id for run_id in dead if run_id in left]


def _select_dead(runs: Mapping[str, bool]) -> list[str]:
    return [run_id for run_id, lives in runs.items() if not lives]
