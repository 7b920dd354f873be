"""Keeps a lake small: snapshots that nobody reads expire, and small or much deleted objects are written anew.

Only under the writer lock: DuckLake takes a compaction beside a merge for two changes that do not conflict.
"""

import duckdb

from resources.warehouse.lake.address import CATALOGUE
from resources.warehouse.lake.pinned_views import pinned_versions
from resources.warehouse.lake.process import LAKE
from resources.warehouse.lake.writer import Writer

GRACE = "1 HOUR"
"""How long objects stay that no snapshot has any more, for readers whose query began before."""

MAX_OBJECTS = 200
"""Objects of all tables, with those that say which rows are deleted; with more they are written anew."""

MIN_DELETED_SHARE = 0.3
"""An object is written anew without its deleted rows if they are more than this share of it."""


def tidy(connection: duckdb.DuckDBPyConnection, writer: Writer) -> None:
    """Expire what neither the published state nor the one before is made of, and compact what has become many."""
    if _count_objects(writer) > MAX_OBJECTS:
        compact(connection, writer, MIN_DELETED_SHARE)
    expire(connection, writer, pinned_versions(connection))
    writer.require()
    connection.execute(f"CALL ducklake_cleanup_old_files('{LAKE}', older_than => now() - INTERVAL {GRACE})").fetchall()


def compact(connection: duckdb.DuckDBPyConnection, writer: Writer, deleted_share: float) -> None:
    """Write objects anew without their deleted rows, and small ones as fewer."""
    for call in (
        f"ducklake_rewrite_data_files('{LAKE}', delete_threshold => {deleted_share})",
        f"ducklake_merge_adjacent_files('{LAKE}')",
    ):
        writer.require()
        connection.execute(f"CALL {call}").fetchall()


def expire(connection: duckdb.DuckDBPyConnection, writer: Writer, kept: list[int]) -> None:
    """Expire all snapshots but those that are kept, the newest one, and that of the publish.

    The last is the newest one that readers may see whose role is bounded by it, as README has it.
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
