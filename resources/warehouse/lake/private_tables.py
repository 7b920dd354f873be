"""What a lake keeps in PostgreSQL for the export alone: who is suppressed, and which runs live."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from resources.warehouse.lake.address import CATALOGUE, PRIVATE, LakeAddress
from resources.warehouse.lake.session import Session
from resources.warehouse.suppression import SuppressionList
from resources.warehouse.suppression_json import read_list, write_list

_TABLES = (
    f"CREATE SCHEMA IF NOT EXISTS {CATALOGUE}",
    f"CREATE SCHEMA IF NOT EXISTS {PRIVATE}",
    f"CREATE TABLE IF NOT EXISTS {PRIVATE}.suppression (only_one BOOLEAN PRIMARY KEY CHECK (only_one), list TEXT)",
    f"CREATE TABLE IF NOT EXISTS {PRIVATE}.runs (run_id TEXT PRIMARY KEY)",
)
_LOCK = "private tables"


def make_private_tables(session: Session) -> None:
    """Create the missing tables; several processes may do so at the same time."""
    if has_table(session, PRIVATE, "runs"):
        return
    session.lock(_LOCK)
    try:
        for statement in _TABLES:
            session.query(statement)
    finally:
        session.unlock(_LOCK)


def has_table(session: Session, schema: str, table: str) -> bool:
    """Whether PostgreSQL has a table."""
    return session.query("SELECT to_regclass(%s) IS NOT NULL", [f"{schema}.{table}"])[0][0] is True


def take_over_list(session: Session, file: Path) -> None:
    """Start the list as a copy of that in the folder which this host has used before, unless there is a list."""
    if file.is_file():
        make_private_tables(session)
        _insert(session, file.read_text("ascii"), "DO NOTHING")


def read_suppression(
    session: Session, address: LakeAddress, secret: bytes | None, *, keep_salt: bool
) -> SuppressionList:
    """Read who is suppressed; see `Engine`."""
    made = SuppressionList(secrets.token_bytes(32), secret)
    if keep_salt:
        make_private_tables(session)
        _insert(session, write_list(made).decode(), "DO NOTHING")  # of two processes, the first one's salt is kept
    if not has_table(session, PRIVATE, "suppression"):
        return made
    if rows := session.query(f"SELECT list FROM {PRIVATE}.suppression"):
        where = f"The table {PRIVATE}.suppression of the database {address.database}"
        return read_list(rows[0][0].encode(), secret, where, address.place)
    return made


def write_suppression(session: Session, suppressed: SuppressionList) -> None:
    """Store who is suppressed; see `Engine`."""
    make_private_tables(session)
    _insert(session, write_list(suppressed).decode(), "(only_one) DO UPDATE SET list = excluded.list")


def _insert(session: Session, content: str, on_conflict: str) -> None:
    session.query(f"INSERT INTO {PRIVATE}.suppression VALUES (true, %s) ON CONFLICT {on_conflict}", [content])


class Runs:
    """The list of the runs of all hosts; this run is on it from `register` until `close`."""

    def __init__(self, session: Session) -> None:
        """Name this run; the session holds its lock, so that it counts as dead once the connection is lost."""
        self.run_id = uuid4().hex
        self._session = session
        self._is_registered = False

    def register(self) -> None:
        """Hold the lock of this run, and list it."""
        make_private_tables(self._session)
        self._session.try_lock(_lock_of(self.run_id))
        self._session.query(f"INSERT INTO {PRIVATE}.runs VALUES (%s) ON CONFLICT DO NOTHING", [self.run_id])
        self._is_registered = True

    def list_runs(self) -> Mapping[str, bool]:
        """List the runs that were registered and not closed, and whether each lives."""
        if not has_table(self._session, PRIVATE, "runs"):
            return {}
        runs = [row[0] for row in self._session.query(f"SELECT run_id FROM {PRIVATE}.runs ORDER BY run_id")]
        return {run_id: self._session.is_held(_lock_of(run_id)) for run_id in runs}

    def remove(self, run_id: str) -> None:
        """Remove a run from the list."""
        self._session.query(f"DELETE FROM {PRIVATE}.runs WHERE run_id = %s", [run_id])

    def close(self) -> None:
        """End this run, so that it does not count as dead."""
        if self._is_registered:
            self.remove(self.run_id)
            self._is_registered = False


def _lock_of(run_id: str) -> str:
    return f"run {run_id}"
