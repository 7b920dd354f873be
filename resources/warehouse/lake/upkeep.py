"""Keeps a lake small: expires snapshots that nobody reads, compacts objects that are small or have many deleted rows.

Only under the writer lock: DuckLake does not see that a compaction conflicts with a merge at the same time.
"""

import duckdb

from resources.warehouse.lake.address import CATALOGUE
from resources.warehouse.lake.lake_duckdb import LAKE
from resources.warehouse.lake.pinned_views import pinned_snapshots
from resources.warehouse.lake.writer import Writer

GRACE = "1 HOUR"
"""How long objects stay once no snapshot has them any more, for queries that began before, or not yet."""

MAX_OBJECTS = 200
"""Maximum objects of all tables, with those that say which rows are deleted; with more they are compacted."""

MIN_DELETED_SHARE = 0.3
"""An object is rewritten without its deleted rows if they are more than this share of it."""


def tidy(connection: duckdb.DuckDBPyConnection, writer: Writer) -> None:
    """Expire snapshots that neither the published state nor the one before needs; compact if there are many objects.

    Objects that a killed process has left, of which the catalogue knows nothing, are deleted with those that expired.
    """
    if _count_objects(writer) > MAX_OBJECTS:
        compact(connection, writer, MIN_DELETED_SHARE)
    expire(connection, writer, pinned_snapshots(connection))
    for call in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
        writer.require()
        connection.execute(f"CALL {call}('{LAKE}', older_than => now() - INTERVAL {GRACE})").fetchall()


def compact(connection: duckdb.DuckDBPyConnection, writer: Writer, deleted_share: float) -> None:
    """Rewrite objects without their deleted rows, and merge small ones."""
    for call in (
        f"ducklake_rewrite_data_files('{LAKE}', delete_threshold => {deleted_share})",
        f"ducklake_merge_adjacent_files('{LAKE}')",
    ):
        with writer.transaction(connection):
            connection.execute(f"CALL {call}").fetchall()


def expire(connection: duckdb.DuckDBPyConnection, writer: Writer, kept: list[int]) -> None:
    """Expire all snapshots except those that are kept, the newest one, and that of the last publish.

    A reader whose role is limited as in README.md sees none that is newer than that of the publish.
    """
    publishes = writer.session.query(f"SELECT max(begin_snapshot) FROM {CATALOGUE}.ducklake_view")
    rows = connection.execute(f"SELECT snapshot_id FROM ducklake_snapshots('{LAKE}')").fetchall()
    numbers = [row[0] for row in rows]
    if expired := [number for number in numbers if number not in {*kept, publishes[0][0], max(numbers)}]:
        writer.require()
        connection.execute(f"CALL ducklake_expire_snapshots('{LAKE}', versions => {expired})").fetchall()


def _count_objects(writer: Writer) -> int:
    tables = [
        f"SELECT count(*) AS objects FROM {CATALOGUE}.{name} WHERE end_snapshot IS NULL"
        for name in ("ducklake_data_file", "ducklake_delete_file")
    ]
    return int(writer.session.query(f"SELECT sum(objects) FROM ({' UNION ALL '.join(tables)}) AS counted")[0][0])
