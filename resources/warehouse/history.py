"""What became of a row between two observations, kept for good in a table of its own."""

import duckdb

from resources.warehouse.parquet_partitions import note_changes
from resources.warehouse.schema import Change, History, TableSchema
from resources.warehouse.sql import execute_counting, quoted_name


def keep_history(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, history: History, is_older: str, now: str
) -> int:
    """Add a row to the history for each row of the table that `incoming` is about to change; returns how many.

    `is_older` is the condition, in SQL, under which a row gives way to that of the same key in `incoming`. Changes
    observed after `now`, by a clock that went wrong, give way with it: what was before the first of them counts.
    """
    name, keys = quoted_name(table.name), ", ".join(map(quoted_name, table.key))
    _take_out_wrong(connection, table, history, is_older, now)
    values, differs = [], []
    types = {column.name: column.sql_type for column in table.columns}
    for column, change in history.columns.items():
        first, after = f"wrong.{_named(column, 'before')}", f"incoming.{quoted_name(column)}"
        before = f"if(wrong.observed_at IS NULL, {name}.{quoted_name(column)}, {first})"
        values += [f"{before} AS {_named(column, 'before')}", f"{after} AS {_named(column, 'after')}"]
        differs.append(_is_change(change, before, after, is_flag=types[column] == "BOOLEAN"))
    connection.execute(
        f"CREATE TEMP TABLE changes AS SELECT {keys}, "
        f"least(coalesce(wrong.last_observed_at, {name}._extracted_at), incoming._extracted_at) AS last_observed_at, "
        f"incoming._extracted_at AS observed_at, {', '.join(values)}, NULL::VARCHAR AS _extra, "
        f"incoming._extracted_at AS _extracted_at, NULL::TIMESTAMP AS _deleted_at "
        f"FROM {name} JOIN incoming USING ({keys}) "
        f"LEFT JOIN (SELECT DISTINCT ON ({keys}) * FROM wrong ORDER BY observed_at) AS wrong USING ({keys}) "
        f"WHERE {is_older} AND ({' OR '.join(differs)})"
    )
    note_changes(connection, history.table, "changes")
    columns = ", ".join(map(quoted_name, history.table.column_names))
    kept = execute_counting(
        connection, f"INSERT INTO {quoted_name(history.table.name)} ({columns}) SELECT {columns} FROM changes"
    )
    connection.execute("DROP TABLE changes")
    connection.execute("DROP TABLE wrong")
    return kept


def _is_change(change: Change, before: str, after: str, *, is_flag: bool) -> str:
    """Whether a column has changed as it must to count, in SQL."""
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
    connection: duckdb.DuckDBPyConnection, table: TableSchema, history: History, is_older: str, now: str
) -> None:
    """Move the changes that give way out of the history, into the table `wrong`."""
    name, kept = quoted_name(table.name), quoted_name(history.table.name)
    keys = ", ".join(map(quoted_name, table.key))
    found = execute_counting(
        connection,
        f"CREATE TEMP TABLE wrong AS SELECT {kept}.* FROM {kept} SEMI JOIN "
        f"(SELECT {keys} FROM {name} JOIN incoming USING ({keys}) WHERE {is_older}) USING ({keys}) "
        f"WHERE {kept}.observed_at > {now}",
    )
    if found:
        note_changes(connection, history.table, "wrong")
        same_key = " AND ".join(f"{kept}.{key} = wrong.{key}" for key in map(quoted_name, history.table.key))
        connection.execute(f"DELETE FROM {kept} USING wrong WHERE {same_key}")
