"""Writes names, texts and files in SQL, and reads what a statement counts."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import polars as pl

from resources.warehouse.paths import plain_path


def quoted_name(identifier: str) -> str:
    """Quote an identifier in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def quoted_names(identifiers: Iterable[str]) -> str:
    """Write a list of identifiers in SQL, separated by commas."""
    return ", ".join(map(quoted_name, identifiers))


def equal_columns(columns: Iterable[str], one: str, other: str) -> str:
    """Write the condition, in SQL, that two relations are equal in all of these columns."""
    return " AND ".join(f"{one}.{column} = {other}.{column}" for column in map(quoted_name, columns))


def quoted_text(value: object) -> str:
    """Quote a text in SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def quoted_paths(paths: Sequence[str | Path]) -> str:
    """Write a list of files in SQL, so that DuckDB reads these files and expands no pattern in their names."""
    return f"[{', '.join(quoted_text(plain_path(path)) for path in paths)}]"


def parquet_rows(paths: Sequence[str | Path], options: str = "") -> str:
    """Write a relation, in SQL, of the rows of Parquet files; a file may lack columns, which are null in its rows.

    No name of a folder becomes a column.
    """
    by_name = "hive_partitioning = false, union_by_name = true"
    return f"read_parquet({quoted_paths(paths)}, {by_name}{options and f', {options}'})"


ROW_GROUP_SIZE = 61_440
"""Rows; with DuckDB's default of 122,880, two files written at one time may not fit into its memory."""

MAX_BYTES_OF_A_ROW_GROUP = 24_000_000
"""Of a file that DuckDB reads or writes: each of its threads holds a row group in memory. Of wide rows it has fewer."""

MAX_DICTIONARY_SIZE = 2_000
"""Maximum distinct values of a column in a row group for a dictionary; a column with more is written without one."""

MAX_ROWS_AT_ONCE = 500_000
"""Rows that one statement deletes or updates, more or less: DuckDB does it in memory, into which more may not fit."""


def write_parquet(connection: duckdb.DuckDBPyConnection, query: str, file: str | Path) -> int:
    """Write the rows of a query as a file that is to be published; returns their number."""
    options = (
        "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"ROW_GROUP_SIZE {ROW_GROUP_SIZE}, ROW_GROUP_SIZE_BYTES {MAX_BYTES_OF_A_ROW_GROUP}, "
        f"DICTIONARY_SIZE_LIMIT {MAX_DICTIONARY_SIZE}"
    )
    return execute_counting(connection, f"COPY ({query}) TO {quoted_text(plain_path(file))} ({options})")


def query_repeated(relation: str, columns: Sequence[str]) -> str:
    """Write a query of the values of columns that stand in more than one row of a relation.

    It looks for repeated hashes first: where there are none, which grouping numbers shows in half the time that
    grouping texts takes, no value is repeated.
    """
    names = quoted_names(columns)
    return f"""
        SELECT {names}
        FROM {relation} SEMI JOIN (
            SELECT hash({names}) AS _hash FROM {relation} GROUP BY _hash HAVING count(*) > 1
        ) AS repeated ON hash({names}) = repeated._hash
        GROUP BY ALL HAVING count(*) > 1
    """


def divide(relation: str, columns: Sequence[str], count: int, at_once: int) -> list[str]:
    """Write relations, in SQL, that divide `count` rows of a relation by the hash of columns, about `at_once` each."""
    rounds = count // at_once + 1 if count else 0
    return [f"(FROM {relation} WHERE hash({quoted_names(columns)}) % {rounds} = {number})" for number in range(rounds)]


def is_empty(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a table, named in SQL, has no row."""
    return not connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()


def execute_counting(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    """Run a statement whose result is one number: a count, or the rows that it has changed."""
    rows = connection.execute(statement).fetchall()  # all, as `fetchone` would leave DuckDB 2 in the middle of it
    return int(rows[0][0]) if rows else 0


def execute_with(connection: duckdb.DuckDBPyConnection, statement: str, given: pl.DataFrame) -> None:
    """Execute a statement that reads the relation `given`."""
    stream = _ArrowStream(given)
    connection.register("given", stream)
    connection.execute(statement)
    connection.unregister("given")
    stream.frame = given.clear()  # as DuckDB keeps what was registered until the transaction ends


class _ArrowStream:
    """A frame as DuckDB reads it without pyarrow, which it asks for when it is given a polars frame."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.frame.__arrow_c_stream__(requested_schema)
