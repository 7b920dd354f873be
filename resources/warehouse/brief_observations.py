"""Completes brief observations: those without the date by which their table is divided, as a list of events gives them.

What a brief observation lacks stays as another observation of the same row has it. Where several lists were read, each
of which may have other fields, that may be another brief one; of one list alone, the newest record says all.
"""

import duckdb

from resources.warehouse.extra_fields import EXTRA, complete_extra
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import equal_columns, execute_counting, is_empty, quoted_name, quoted_names

_OF_THE_OBSERVATION = ("_extracted_at", "_deleted_at")


def complete_newest(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, source: str, newest_first: str, *, is_one_list: bool
) -> None:
    """Complete each brief observation of the table `newest` by the newest one of its row in `source` with the date.

    If there is none, and the batch is not of one list alone, it is completed by all others in the order `newest_first`.
    """
    if table.date is None:
        return
    date = quoted_name(table.date)
    if is_empty(connection, f"newest WHERE {date} IS NULL"):
        return
    keys = quoted_names(table.key)
    has_date = f"WHERE {date} IS NOT NULL" if is_one_list else ""
    connection.execute(
        f"""
        CREATE TEMP TABLE others AS
        SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY {date} IS NULL, {newest_first}) AS _place
        FROM {source} SEMI JOIN (FROM newest WHERE {date} IS NULL) USING ({keys}) {has_date}
        """
    )
    last = execute_counting(connection, "SELECT coalesce(max(_place), 0) FROM others")
    for place in range(1, last + 1):
        where = f"newest.{date} IS NULL AND others._place = {place}"
        completed = _query_completed(table, "newest", "others", where)
        connection.execute(f"CREATE TEMP TABLE better AS {completed}")
        complete_extra(connection, table, "better")
        connection.execute(f"DELETE FROM newest USING better WHERE {equal_columns(table.key, 'newest', 'better')}")
        connection.execute("INSERT INTO newest BY NAME FROM better")
        connection.execute("DROP TABLE better")
    connection.execute("DROP TABLE others")


def complete_brief(
    connection: duckdb.DuckDBPyConnection,
    table: TableSchema,
    observations: str,
    is_older: str,
    *,
    is_one_list: bool,
) -> None:
    """Complete each brief observation, stored or incoming, by the other one of its row; by a brief one as above.

    `observations` is the query of the view `incoming`, which then holds what is completed; `is_older` the condition
    that the stored observation is the older one.
    """
    name, keys = quoted_name(table.name), quoted_names(table.key)
    if table.date is None or is_empty(connection, name):
        return
    date = quoted_name(table.date)
    # one after the other, as both joins at once may not fit into DuckDB's memory
    completed = []
    for brief, other, gives_way in (
        ("incoming", name, is_older),
        (name, "incoming", f"NOT {is_older} AND {name}._deleted_at IS NULL"),
    ):
        if not is_empty(connection, f"{brief} WHERE {date} IS NULL"):
            has_date = f"AND {other}.{date} IS NOT NULL" if is_one_list else ""
            where = f"{brief}.{date} IS NULL AND {gives_way} {has_date}"
            completed.append(_query_completed(table, brief, other, where))
    if not completed:
        return
    count = execute_counting(connection, f"CREATE TEMP TABLE completed AS {completed[0]}")
    for query in completed[1:]:
        count += execute_counting(connection, f"INSERT INTO completed BY NAME {query}")
    complete_extra(connection, table, "completed")
    if count:
        once = f"FROM ({observations}) ANTI JOIN completed USING ({keys}) UNION ALL BY NAME FROM completed"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW incoming AS {once}")


def _query_completed(table: TableSchema, brief: str, other: str, where: str) -> str:
    """Write a query of brief observations with what they lack from those of `other`; `complete_extra` adds the rest."""
    merged = [column for column in table.column_names if column not in (*table.key, *_OF_THE_OBSERVATION)]
    values = [f"{_filled(table, name, brief, other)} AS {quoted_name(name)}" for name in merged]
    if EXTRA in merged:
        values.append(f"if({brief}._extra <> {other}._extra, {other}._extra, NULL) AS _other_extra")
    columns = [*map(quoted_name, table.key), *values, *(f"{brief}.{column}" for column in _OF_THE_OBSERVATION)]
    return f"SELECT {', '.join(columns)} FROM {brief} JOIN {other} USING ({quoted_names(table.key)}) WHERE {where}"


def _filled(table: TableSchema, name: str, brief: str, other: str) -> str:
    """Write a column, in SQL, of a brief observation with that of another one where it lacks it.

    Where the other one has no personal data, it may be of somebody who was erased, and the brief one need not say of
    whom it is: it brings no personal data.
    """
    column = quoted_name(name)
    filled = f"coalesce({brief}.{column}, {other}.{column})"
    if name not in table.erased_columns:
        return filled
    has_some = " OR ".join(f"{other}.{quoted_name(personal)} IS NOT NULL" for personal in table.erased_columns)
    return f"CASE WHEN {has_some} THEN {filled} ELSE {other}.{column} END"
