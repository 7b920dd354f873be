"""How many rows of each table were live, and deleted, at the last publish, kept in the stage as `_state.live`."""

from typing import NamedTuple

import duckdb

from resources.warehouse.sql import quoted_name, quoted_text


class RowCounts(NamedTuple):
    """Rows of a table that are in the account, and rows that no longer are; None where these were not counted."""

    live: int
    deleted: int | None


_COUNTS = "count(*) - count(_deleted_at), count(_deleted_at)"


def count_rows(connection: duckdb.DuckDBPyConnection, table: str) -> RowCounts:
    """Count the rows of a table."""
    ((live, deleted),) = connection.execute(f"SELECT {_COUNTS} FROM {quoted_name(table)}").fetchall()
    return RowCounts(live, deleted)


def note_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Record how many rows each table has, as the numbers that are published."""
    tables = (
        "SELECT table_name FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = current_schema() AND column_name = '_deleted_at'"
    )
    names = [row[0] for row in connection.execute(tables).fetchall()]
    connection.execute("DELETE FROM _state.live")
    counts = [f"SELECT {quoted_text(name)}, {_COUNTS} FROM {quoted_name(name)}" for name in names]
    if counts:
        connection.execute(f"INSERT INTO _state.live {' UNION ALL '.join(counts)}")


def published_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, RowCounts]:
    """Return how many rows each table had when it was last published."""
    rows = connection.execute("SELECT table_name, live_rows, deleted_rows FROM _state.live").fetchall()
    return {table: RowCounts(live, deleted) for table, live, deleted in rows}
