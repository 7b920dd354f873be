"""Published data as an analyst reads it."""

from pathlib import Path
from typing import Any

import duckdb

Rows = list[tuple[Any, ...]]


def in_database(data_dir: Path, query: str) -> Rows:
    """Ask the published database."""
    with duckdb.connect(str(data_dir / "coupontools.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def in_parquet(data_dir: Path, table: str, columns: str = "*", *, with_month: bool = False) -> Rows:
    """Ask the published Parquet files of a table."""
    files = f"{data_dir}/parquet/{table}/**/*.parquet"
    source = f"read_parquet('{files}', hive_partitioning = {with_month})"
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {columns} FROM {source} ORDER BY ALL").fetchall()
