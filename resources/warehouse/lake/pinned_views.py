"""The views that readers see: each shows a table of the stage as it was in one snapshot.

`_state.published` has the snapshots of the last two publishes, each with its outline, a hash of the tables and
views as they were declared.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb

from resources.warehouse.columns import create_marts, describe_tables
from resources.warehouse.lake.lake_duckdb import LAKE
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import quoted_name, quoted_text

KEPT = "kept"
"""The schema of published tables that the stage is ahead of, after people were erased from them."""

PREVIEW = "publication"
"""The database in memory that shows what is about to be published."""


def list_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """List the tables of the current schema, with their comments."""
    here = "database_name = current_database() AND schema_name = current_schema()"
    return dict(connection.execute(f"SELECT table_name, comment FROM duckdb_tables() WHERE {here}").fetchall())


@contextmanager
def open_preview(
    connection: duckdb.DuckDBPyConnection, snapshot: int, tables: Sequence[TableSchema], marts: Sequence[str]
) -> Iterator[None]:
    """Make a preview of a publish the current database until the block is left: views of a snapshot, in memory.

    It takes the comments on columns of views, which DuckLake does not.
    """
    known = list_tables(connection)
    connection.execute(f"ATTACH ':memory:' AS {PREVIEW}")
    connection.execute(f"USE {PREVIEW}")
    for name in known:
        table = quoted_name(name)
        connection.execute(f"CREATE VIEW {table} AS FROM {LAKE}.stage.{table} AT (VERSION => {snapshot})")
    describe_tables(connection, [table for table in tables if table.name in known], "VIEW")
    create_marts(connection, marts)
    yield
    connection.execute(f"USE {LAKE}.stage")
    connection.execute(f"DETACH {PREVIEW}")


def pin_tables(connection: duckdb.DuckDBPyConnection, schemas: Mapping[str, str], snapshot: int) -> None:
    """Point the view of each table to a snapshot of that table, in the schema that `schemas` gives for it."""
    comments = list_tables(connection)
    for name, schema in schemas.items():
        view, table = f"main.{quoted_name(name)}", f"{schema}.{quoted_name(name)}"
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS FROM {table} AT (VERSION => {snapshot})")
        if comment := comments.get(name):
            connection.execute(f"COMMENT ON VIEW {view} IS {quoted_text(comment)}")


def list_kept(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """List the tables that are published as they were before the stage went ahead; see `history_erasure.py`."""
    here = f"database_name = current_database() AND schema_name = '{KEPT}'"
    return [row[0] for row in connection.execute(f"SELECT table_name FROM duckdb_tables() WHERE {here}").fetchall()]


def drop_kept(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the tables of `list_kept`, once no view shows them any more."""
    for name in list_kept(connection):
        connection.execute(f"DROP TABLE {KEPT}.{quoted_name(name)}")


def replace_marts(connection: duckdb.DuckDBPyConnection, marts: Sequence[str]) -> None:
    """Replace all views and macros of the schema `marts` by those of the scripts.

    Of their comments DuckLake takes only those on views.
    """
    of_marts = f"database_name = '{LAKE}' AND schema_name = 'marts'"
    known = (
        f"SELECT 'VIEW', view_name FROM duckdb_views() WHERE {of_marts} "
        f"UNION SELECT 'MACRO', function_name FROM duckdb_functions() WHERE {of_marts}"
    )
    for kind, name in connection.execute(known).fetchall():
        connection.execute(f"DROP {kind} marts.{quoted_name(name)}")
    if marts:
        connection.execute("CREATE SCHEMA IF NOT EXISTS marts")
    for script in marts:
        for statement in duckdb.extract_statements(script):
            words = statement.query.split(maxsplit=3)[:3]
            if words[:2] != ["COMMENT", "ON"] or words[2] == "VIEW":
                connection.execute(statement.query)


def published_outline(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the outline of what is published; None if nothing is."""
    connection.execute("CREATE TABLE IF NOT EXISTS _state.published (outline VARCHAR, version BIGINT)")
    rows = connection.execute("SELECT outline FROM _state.published ORDER BY version DESC LIMIT 1").fetchall()
    return rows[0][0] if rows else None


def note_pin(connection: duckdb.DuckDBPyConnection, outline: str, snapshot: int) -> None:
    """Record which snapshot is published, and delete all records but this and the one before."""
    before = pinned_snapshots(connection)[:1]
    connection.execute(f"DELETE FROM _state.published WHERE NOT list_contains({before}::BIGINT[], version)")
    connection.execute("INSERT INTO _state.published VALUES (?, ?)", [outline, snapshot])


def pinned_snapshots(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """List the snapshots that are published, or were before, the newest first."""
    rows = connection.execute("SELECT DISTINCT version FROM _state.published ORDER BY version DESC").fetchall()
    return [row[0] for row in rows]
