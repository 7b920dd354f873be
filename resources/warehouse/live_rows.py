"""How many rows of each table were live when they were last published, kept in the stage as `_state.live`."""

import duckdb

from resources.warehouse.sql import execute_counting, quoted_name


def count_live_rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Count the rows of a table that are in the account."""
    return execute_counting(connection, f"SELECT count(*) FROM {quoted_name(table)} WHERE _deleted_at IS NULL")


def note_live_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Write down how many rows of each table are live, as those that are published."""
    tables = (
        "SELECT table_name FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = 'main' "
        "AND column_name = '_deleted_at'"
    )
    names = [row[0] for row in connection.execute(tables).fetchall()]
    connection.execute("DELETE FROM _state.live")
    for name in names:
        connection.execute("INSERT INTO _state.live VALUES (?, ?)", [name, count_live_rows(connection, name)])


def published_live_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many rows of each table were live when they were last published."""
    return dict(connection.execute("SELECT table_name, live_rows FROM _state.live").fetchall())
