"""The id of a warehouse, by which it is distinguished from others: random, made with the stage, and kept in it.

A folder that is copied or moved as a whole keeps its id, and so does one whose stage is rebuilt from what is
published.
"""

import duckdb

MAKE_ID = "CREATE TABLE _state.warehouse AS SELECT uuid()::VARCHAR AS id"
"""The statement that gives an id to a stage without one."""


def write_staged_id(connection: duckdb.DuckDBPyConnection, known: str = "") -> None:
    """Give a new stage the id that is known from before, or else a new one."""
    connection.execute(MAKE_ID)
    if known:
        connection.execute("UPDATE _state.warehouse SET id = ?", [known])


def read_staged_id(connection: duckdb.DuckDBPyConnection) -> str:
    """Read the id from the stage."""
    return str(connection.execute("SELECT id FROM _state.warehouse").fetchall()[0][0])
