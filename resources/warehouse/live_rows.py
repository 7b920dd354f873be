"""How many rows of each table were live when they were last published, kept in the stage as `_state.live`."""

import duckdb

from resources.warehouse.sql import execute_counting, quoted_name, quoted_text

_ARE_LIVE = "WHERE _deleted_at IS NULL"


def count_live_rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Count the rows of a table that are in the account."""
    return execute_counting(connection, f"SELECT count(*) FROM {quoted_name(table)} {_ARE_LIVE}")


def note_live_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Record how many rows of each table are live, as the number that is published."""
    tables = (
        "SELECT table_name FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = current_schema() AND column_name = '_deleted_at'"
    )
    names = [row[0] for row in connection.execute(tables).fetchall()]
    connection.execute("DELETE FROM _state.live")
    counts = [f"SELECT {quoted_text(name)}, count(*) FROM {quoted_name(name)} {_ARE_LIVE}" for name in names]
    if counts:
        connection.execute(f"INSERT INTO _state.live {' UNION ALL '.join(counts)}")


def published_live_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many rows of each table were live when they were last published."""
    return dict(connection.execute("SELECT table_name, live_rows FROM _state.live").fetchall())
