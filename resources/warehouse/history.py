"""What became of a row between two observations, kept for good in a table of its own."""

import duckdb

from resources.warehouse.partitions import note_changes
from resources.warehouse.schema import History, TableSchema
from resources.warehouse.sql import count, quoted_name


def keep_history(connection: duckdb.DuckDBPyConnection, table: TableSchema, history: History, is_older: str) -> int:
    """Add a row to the history for each row of the table that `incoming` is about to change; returns how many.

    `is_older` is the condition, in SQL, under which a row gives way to that of the same key in `incoming`.
    """
    name, keys = quoted_name(table.name), ", ".join(map(quoted_name, table.key))
    values = [
        f"{relation}.{quoted_name(column)} AS {quoted_name(f'{column}_{when}')}"
        for column in history.columns
        for when, relation in (("before", name), ("after", "incoming"))
    ]
    differs = " OR ".join(
        f"{name}.{column} IS DISTINCT FROM incoming.{column}" for column in map(quoted_name, history.columns)
    )
    connection.execute(
        f"CREATE TEMP TABLE changes AS SELECT {keys}, {name}._extracted_at AS last_observed_at, "
        f"incoming._extracted_at AS observed_at, {', '.join(values)}, NULL::VARCHAR AS _extra, "
        f"incoming._extracted_at AS _extracted_at, NULL::TIMESTAMP AS _deleted_at "
        f"FROM {name} JOIN incoming USING ({keys}) WHERE {is_older} AND ({differs})"
    )
    note_changes(connection, history.table, "changes")
    columns = ", ".join(map(quoted_name, history.table.column_names))
    kept = count(connection, f"INSERT INTO {quoted_name(history.table.name)} ({columns}) SELECT {columns} FROM changes")
    connection.execute("DROP TABLE changes")
    return kept
