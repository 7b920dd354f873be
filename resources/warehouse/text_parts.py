"""Reads the texts of a relation in parts, so that few of them are in memory at one time."""

from collections.abc import Iterator, Sequence

import duckdb
import polars as pl

from resources.warehouse.sql import execute_counting, quoted_names

ROWS_AT_A_TIME = 50_000
"""Rows whose texts are in memory at one time."""

MAX_GAPS = 3
"""Maximum row numbers per row; with more, as in a lake, which reuses none, a range of numbers would hold few rows."""


def read_texts(
    connection: duckdb.DuckDBPyConnection, relation: str, row: str, columns: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a relation that have a text in one of the columns: these texts, and their number `row`."""
    texts = quoted_names(columns)
    has_text = f"coalesce({texts}) IS NOT NULL"
    bounds = f"SELECT count(*), coalesce(min({row}), 0), coalesce(max({row}), -1) FROM {relation}"
    ((count, begin, last),) = connection.execute(bounds).fetchall()
    source, number = f"SELECT {row} AS row, {texts} FROM {relation}", row
    if last - begin > MAX_GAPS * count:
        copy = f"SELECT {row} AS row, row_number() OVER () AS _number, {texts} FROM {relation} WHERE {has_text}"
        begin, last = 1, execute_counting(connection, f"CREATE OR REPLACE TEMP TABLE copied AS {copy}")
        source, number = f"SELECT row, {texts} FROM copied", "_number"
    for first in range(begin, last + 1, ROWS_AT_A_TIME):
        part = f"{number} BETWEEN {first} AND {first + ROWS_AT_A_TIME - 1} AND {has_text}"
        rows = pl.DataFrame(connection.sql(f"{source} WHERE {part}"))
        if len(rows):
            yield rows
    connection.execute("DROP TABLE IF EXISTS temp.copied")
