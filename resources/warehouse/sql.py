"""Names and texts in SQL, and what a statement counts."""

from collections.abc import Sequence

import duckdb


def quoted_name(identifier: str) -> str:
    """An identifier in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def quoted_text(value: object) -> str:
    """A text in SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def files(paths: Sequence[str]) -> str:
    """The rows of Parquet files, as a relation in SQL."""
    return f"read_parquet([{', '.join(map(quoted_text, paths))}])"


def is_empty(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a table, named in SQL, has no row."""
    return not connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()


def count(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    """Run a statement whose result is one number: a count, or the rows that it has changed."""
    row = connection.execute(statement).fetchone()
    connection.complete()
    return int(row[0]) if row else 0
