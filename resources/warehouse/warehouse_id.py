"""The id of a warehouse, by which it is distinguished from others: random, made with the stage, and kept in it.

A folder that is copied or moved as a whole keeps its id, and so does one whose stage is rebuilt from what is
published. The moment of the last merge is kept beside it: by that an older copy is distinguished from a newer one.
"""

from datetime import datetime, timedelta

import duckdb

from resources.utc import utc_now

MAKE_ID = "CREATE TABLE _state.warehouse AS SELECT uuid()::VARCHAR AS id, NULL::TIMESTAMP AS merged_at"
"""The statement that gives an id to a stage without one."""

ADD_MERGED_AT = "ALTER TABLE _state.warehouse ADD COLUMN IF NOT EXISTS merged_at TIMESTAMP"
"""The statement that adds the moment of the last merge, which is not known yet, to a stage that has an id."""


def write_staged_id(connection: duckdb.DuckDBPyConnection, known: str = "") -> None:
    """Give a new stage the id that is known from before, or else a new one."""
    connection.execute(MAKE_ID)
    if known:
        connection.execute("UPDATE _state.warehouse SET id = ?", [known])


def read_staged_id(connection: duckdb.DuckDBPyConnection) -> str:
    """Read the id from the stage."""
    return str(connection.execute("SELECT id FROM _state.warehouse").fetchall()[0][0])


def record_merge(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Record that a merge is done now, later than any before, whatever the clock says; returns when (naive UTC)."""
    last, now = read_merged_at(connection), utc_now()
    merged_at = max(now, last + timedelta(microseconds=1)) if last else now
    connection.execute("UPDATE _state.warehouse SET merged_at = ?", [merged_at])
    return merged_at


def read_merged_at(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Read when the last merge was done (naive UTC); None if that is not known."""
    merged_at: datetime | None = connection.execute("SELECT merged_at FROM _state.warehouse").fetchall()[0][0]
    return merged_at
