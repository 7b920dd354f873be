"""Keeps the changes of a row between two observations, for good, in a table of its own."""

import duckdb

from resources.warehouse.parquet_partitions import note_changes
from resources.warehouse.schema import Change, History, TableSchema
from resources.warehouse.sql import equal_columns, execute_counting, is_empty, quoted_name, quoted_names


def keep_history(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, history: History, is_older: str, latest: str
) -> int:
    """Add a row to the history for each row of the table that `incoming` is about to change; returns how many.

    `is_older` is the condition, in SQL, under which a row gives way to that of the same key in `incoming`. Changes
    observed after `latest`, by a clock that went wrong, give way with it: what was before the first of them counts.
    """
    name, keys = quoted_name(table.name), quoted_names(table.key)
    has_wrong = _take_out_wrong(connection, table, history, is_older, latest)
    types = {column.name: column.sql_type for column in table.columns}
    values, differs = [], []
    for column, change in history.columns.items():
        before, after = f"{name}.{quoted_name(column)}", f"incoming.{quoted_name(column)}"
        if has_wrong:
            before = f"if(wrong.observed_at IS NULL, {before}, wrong.{_named(column, 'before')})"
        values += [f"{before} AS {_named(column, 'before')}", f"{after} AS {_named(column, 'after')}"]
        differs.append(_is_change(change, before, after, is_flag=types[column] == "BOOLEAN"))
    last_observed_at, first_wrong = f"{name}._extracted_at", ""
    if has_wrong:  # only then, as the join costs time
        last_observed_at = f"coalesce(wrong.last_observed_at, {last_observed_at})"
        ordered = f"SELECT DISTINCT ON ({keys}) * FROM wrong ORDER BY observed_at"
        first_wrong = f"LEFT JOIN ({ordered}) AS wrong USING ({keys})"
    # of two observations of one moment, the incoming one only brings what the other one lacked
    connection.execute(
        f"""
        CREATE TEMP TABLE changes AS
        SELECT
            {keys},
            least({last_observed_at}, incoming._extracted_at) AS last_observed_at,
            incoming._extracted_at AS observed_at,
            {", ".join(values)},
            NULL::VARCHAR AS _extra,
            incoming._extracted_at AS _extracted_at,
            NULL::TIMESTAMP AS _deleted_at
        FROM {name} JOIN incoming USING ({keys}) {first_wrong}
        WHERE {is_older} AND ({" OR ".join(differs)}) AND {name}._extracted_at <> incoming._extracted_at
        """
    )
    kept = _add_changes(connection, history)
    connection.execute("DROP TABLE changes")
    connection.execute("DROP TABLE IF EXISTS wrong")
    return kept


def _add_changes(connection: duckdb.DuckDBPyConnection, history: History) -> int:
    """Add the rows of `changes` to the history; returns how many."""
    if is_empty(connection, "changes"):
        return 0
    note_changes(connection, history.table, "changes")
    columns = quoted_names(history.table.column_names)
    return execute_counting(
        connection, f"INSERT INTO {quoted_name(history.table.name)} ({columns}) SELECT {columns} FROM changes"
    )


def _is_change(change: Change, before: str, after: str, *, is_flag: bool) -> str:
    """Write the condition, in SQL, under which a difference of a column counts as a change."""
    match change:
        case "any difference":
            return f"{before} IS DISTINCT FROM {after}"
        case "also to a value":
            before, after = (f"coalesce({value}, false)" if is_flag else value for value in (before, after))
            return f"{before} IS DISTINCT FROM {after}"
        case "once set":
            return (
                f"({before} AND {after} IS DISTINCT FROM true)"
                if is_flag
                else f"{before} <> {after} OR ({before} IS NOT NULL AND {after} IS NULL)"
            )


def _named(column: str, when: str) -> str:
    return quoted_name(f"{column}_{when}")


def _take_out_wrong(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, history: History, is_older: str, latest: str
) -> bool:
    """Move the changes that give way out of the history, into the table `wrong`; returns whether that was made."""
    name, kept = quoted_name(table.name), quoted_name(history.table.name)
    if is_empty(connection, f"{kept} WHERE {kept}.observed_at > {latest}"):
        return False
    keys = quoted_names(table.key)
    count = execute_counting(
        connection,
        f"""
        CREATE TEMP TABLE wrong AS
        SELECT {kept}.*
        FROM {kept} SEMI JOIN (SELECT {keys} FROM {name} JOIN incoming USING ({keys}) WHERE {is_older}) USING ({keys})
        WHERE {kept}.observed_at > {latest}
        """,
    )
    if count:
        note_changes(connection, history.table, "wrong")
        same_key = equal_columns(history.table.key, kept, "wrong")
        connection.execute(f"DELETE FROM {kept} USING wrong WHERE {same_key}")
    return True
