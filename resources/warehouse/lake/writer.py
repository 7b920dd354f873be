"""The lock of the one process that writes a lake, and the fence before each of its commits.

Two transactions that delete from one object may both be committed and leave rows twice, so nothing is written without
the lock. It ends with its connection; a process that has lost the connection must not commit any more.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from resources.warehouse.errors import WarehouseError
from resources.warehouse.lake.address import CATALOGUE
from resources.warehouse.lake.lake_duckdb import LakeDuckDB
from resources.warehouse.lake.session import Session

WRITER = "writer"


class Writer:
    """The lock, held by a session that nothing else uses."""

    def __init__(self, session: Session, lake_duckdb: LakeDuckDB) -> None:
        """Take the session, and the DuckDB whose transactions it commits; nothing is locked yet."""
        self.session = session
        self._duckdb = lake_duckdb
        self.begun_at = -1
        """The number of the newest snapshot when the last transaction began."""

    def wait(self) -> None:
        """Wait for the lock, in the order of arrival among all hosts, and hold it."""
        self.session.lock(WRITER)

    @contextmanager
    def transaction(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Commit what the block does, unless the lock is lost or another process has written; or roll it back."""
        before = self.begun_at = self.latest_snapshot()
        connection.begin()
        try:
            yield
            self.require(before)
        except BaseException:
            with suppress(duckdb.Error):  # a catalogue that cannot be reached rolls back by itself
                connection.rollback()
            raise
        self._duckdb.commit(connection)

    def require(self, before: int | None = None) -> None:
        """Raise WarehouseError if the lock is lost, or if the newest snapshot is not that `before` any more."""
        self.session.require(WRITER, "the writer lock")
        if before is not None and self.latest_snapshot() != before:
            raise WarehouseError(
                "Another process has written to the lake without the writer lock: nothing of this transaction was "
                "committed. Let only the export write, then run it again."
            )

    def latest_snapshot(self) -> int:
        """Return the number of the newest snapshot; a lake has one from when it was first attached."""
        return int(self.session.query(f"SELECT max(snapshot_id) FROM {CATALOGUE}.ducklake_snapshot")[0][0])
