"""The views of the schema `marts`, over rows that a test writes down instead of exporting them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache

import duckdb

from assets.catalogue import TABLES, read_marts
from resources.warehouse.columns import create_marts, create_table
from tests.support.queries import Rows

Row = dict[str, object]
"""The values of some columns; the others are null."""

READ_AT = datetime(2026, 3, 31, 12)
"""When rows were last read, unless they say otherwise."""


def in_marts(query: str, **tables: Sequence[Row]) -> Rows:
    """Ask a database with these rows of some tables; a session without an id gets one, and is of the campaign cam_1."""
    with open_marts(**tables) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def open_marts(**tables: Sequence[Row]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open such a database, whose rows are there while the context lasts."""
    with _empty_database().cursor() as connection:
        connection.begin()
        for name, rows in tables.items():
            for number, row in enumerate(rows):
                _insert(connection, name, _defaults(name, number) | row)
        yield connection
        connection.rollback()


@cache
def _empty_database() -> duckdb.DuckDBPyConnection:
    """One database for all tests: making the tables and the views costs more than most queries."""
    connection = duckdb.connect()
    for table in TABLES:
        create_table(connection, table.schema_of_table())
    create_marts(connection, read_marts())
    return connection


def _defaults(table: str, number: int) -> Row:
    ids: Row = {"session_id": f"s{number}", "campaign_id": "cam_1"} if table == "coupon_sessions" else {}
    return {"_extracted_at": READ_AT} | ids


def _insert(connection: duckdb.DuckDBPyConnection, table: str, row: Row) -> None:
    columns, values = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", list(row.values()))
