"""Published data as an analyst reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from assets.catalogue import TABLES

Rows = list[tuple[Any, ...]]

_ONE_QUERY = Lock()
"""Held by each query: a DuckDB attaches a file only once."""


def in_database(data_dir: Path, query: str) -> Rows:
    """Query the published database."""
    with _attached(data_dir) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def _attached(data_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Attach the published database, which queries are put to."""
    with _ONE_QUERY, _duckdb().cursor() as connection:
        connection.execute(f"ATTACH '{data_dir / 'coupontools.duckdb'}' AS published (READ_ONLY)")
        try:
            connection.execute("USE published")
            yield connection
        finally:
            connection.execute("USE memory")
            connection.execute("DETACH published")


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    """One DuckDB for all queries: to start it takes longer than to attach a database and query it."""
    return duckdb.connect(config={"enable_external_file_cache": False})


def in_parquet(data_dir: Path, table: str, columns: str = "*", *, with_month: bool = False) -> Rows:
    """Query the published Parquet files of a table."""
    with _duckdb().cursor() as connection:
        return _in_files(connection, data_dir, table, columns, with_month=with_month)


def nullabilities_in_parquet(data_dir: Path) -> Rows:
    """How the columns of all published Parquet files are declared: required or optional."""
    schemas = f"parquet_schema('{data_dir}/parquet/**/*.parquet')"
    with _duckdb().cursor() as connection:
        return connection.execute(
            f"SELECT DISTINCT repetition_type FROM {schemas} WHERE name <> 'duckdb_schema' ORDER BY ALL"
        ).fetchall()


def all_tables(data_dir: Path) -> dict[str, Rows]:
    """All rows of all tables but for when they were read; database and files must hold the same."""
    columns, rows = "* EXCLUDE (_extracted_at)", {}
    with _attached(data_dir) as connection:
        for name in (table.TABLE for table in TABLES):
            rows[name] = sorted(connection.execute(f"SELECT {columns} FROM {name}").fetchall(), key=repr)
            assert sorted(_in_files(connection, data_dir, name, columns), key=repr) == rows[name]
    return rows


def all_sessions(data_dir: Path, columns: str = "* EXCLUDE (_extracted_at)") -> Rows:
    """The sessions in both forms, which must be the same rows."""
    rows = in_database(data_dir, f"SELECT {columns} FROM coupon_sessions ORDER BY session_id")
    assert sorted(in_parquet(data_dir, "coupon_sessions", columns), key=repr) == sorted(rows, key=repr)
    return rows


def _in_files(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, table: str, columns: str, *, with_month: bool = False
) -> Rows:
    files = f"{data_dir}/parquet/{table}/**/*.parquet"
    source = f"read_parquet('{files}', hive_partitioning = {with_month})"
    return connection.execute(f"SELECT {columns} FROM {source} ORDER BY ALL").fetchall()
