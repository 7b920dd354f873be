"""A connection to PostgreSQL, and the advisory locks that it holds: they end with it, even if the process is killed."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

import psycopg

from resources.settings import SettingsError
from resources.warehouse.errors import WarehouseError
from resources.warehouse.lake.address import WRONG_DATABASE, LakeAddress

KEEPALIVES = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Seconds, probes, and milliseconds for what is not acknowledged, after which a vanished host counts as lost."""

_OF_THE_SERVER = (
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    "SET statement_timeout = 0; SET lock_timeout = 0"
)
_NEVER_IDLE = "SET idle_session_timeout = 0"
FIRST_WITH_IDLE_SESSION_TIMEOUT = 140000
_HELD = (
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND ((classid::BIGINT << 32) | objid::BIGINT) = %s"
)


class Session:
    """The connection, made when first used; if it is lost, so are its locks, and the next use makes another.

    Statements raise psycopg.Error. Safe to use from several threads.
    """

    def __init__(self, address: LakeAddress) -> None:
        """Keep the address; nothing is connected yet."""
        self._address = address
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._taken: set[str] = set()

    def query(self, statement: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement in a transaction of its own; returns its rows, if it has any."""
        try:
            cursor = self._connect().execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            self.close()
            raise

    def lock(self, name: str) -> None:
        """Hold a lock, waiting in the order of arrival."""
        self.query("SELECT pg_advisory_lock(%s)", [lock_number(name)])
        self._taken.add(name)

    def try_lock(self, name: str) -> bool:
        """Take a lock unless anybody holds it, this connection included; returns whether it was taken."""
        if name in self._taken or not self.query("SELECT pg_try_advisory_lock(%s)", [lock_number(name)])[0][0]:
            return False
        self._taken.add(name)
        return True

    def unlock(self, name: str) -> None:
        """Release a lock, unless it was lost with the connection."""
        self._taken.discard(name)
        with suppress(psycopg.OperationalError):
            self.query("SELECT pg_advisory_unlock(%s)", [lock_number(name)])

    def holds(self, name: str) -> bool:
        """Ask PostgreSQL whether this connection still holds a lock."""
        with suppress(psycopg.OperationalError):
            return bool(self._connection and self.query(f"{_HELD} AND pid = pg_backend_pid()", [lock_number(name)]))
        return False

    def require(self, name: str, lost: str) -> None:
        """Raise WarehouseError, with what is `lost`, unless this connection still holds a lock."""
        if not self.holds(name):
            raise WarehouseError(
                f"The connection to the database {self._address.database} was lost, and {lost} with it: nothing was "
                "written since. Run it again; what was published stays as it was."
            )

    def is_held(self, name: str) -> bool:
        """Whether anybody holds a lock."""
        return bool(self.query(_HELD, [lock_number(name)]))

    def close(self) -> None:
        """Release all locks, and disconnect."""
        if self._connection:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
            self._taken.clear()

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        if self._connection is None:
            given = {**KEEPALIVES, "application_name": "coupontools", **self._address.parameters}
            try:
                self._connection = psycopg.connect(**given, autocommit=True)
            except (psycopg.ProgrammingError, UnicodeError):  # of a parameter or the host, before it connects
                raise SettingsError(WRONG_DATABASE) from None
            self._connection.execute(_OF_THE_SERVER)
            if self._connection.info.server_version >= FIRST_WITH_IDLE_SESSION_TIMEOUT:
                self._connection.execute(_NEVER_IDLE)
        return self._connection


def lock_number(name: str) -> int:
    """Return the 64-bit number by which PostgreSQL knows a lock."""
    return int.from_bytes(sha256(f"coupontools {name}".encode()).digest()[:8], signed=True)
