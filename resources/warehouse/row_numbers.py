"""Keeps the row numbers of a lake's table distinct."""

import duckdb

FIRST_OF_A_TRANSACTION = 10**18
"""The first number of rows that a DuckLake transaction inserts; they keep it if that also updates the table."""


def renumber_rows(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Insert the rows of a lake's table again if two of them may have one number, by which each is to be found."""
    ((last,),) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchall()
    if last is not None and last >= FIRST_OF_A_TRANSACTION:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE numbered AS FROM {table}")
        connection.execute(f"DELETE FROM {table}")
        connection.execute(f"INSERT INTO {table} FROM numbered")
        connection.execute("DROP TABLE numbered")
