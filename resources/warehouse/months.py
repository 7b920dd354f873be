"""Which month's file a row belongs to, and which files a merge has made out of date.

A row belongs to the month of its date. One that comes without it is written down in `_state.<table>` with the month
where it is first put, and stays there.
"""

import duckdb

from resources.warehouse.schema import Month, TableSchema
from resources.warehouse.sql import quoted_name, quoted_text

NO_MONTH = "__HIVE_DEFAULT_PARTITION__"
"""The month of a row without any date, as hive-partitioned files spell it."""


def keep_months(connection: duckdb.DuckDBPyConnection, table: TableSchema, month: Month) -> None:
    """Write down the month of rows that come without their date, so that they stay where they are first put."""
    keys = ", ".join(map(quoted_name, table.key))
    dates = ", ".join(f"incoming.{quoted_name(column)}" for column in month.otherwise)
    connection.execute(
        f"INSERT INTO _state.{quoted_name(table.name)} "
        f"SELECT {keys}, strftime(coalesce(old.{quoted_name(month.column)}, least({dates})), '%Y-%m') AS first_month "
        f"FROM incoming LEFT JOIN main.{quoted_name(table.name)} AS old USING ({keys}) "
        f"ANTI JOIN _state.{quoted_name(table.name)} AS kept USING ({keys}) "
        f"WHERE incoming.{quoted_name(month.column)} IS NULL AND first_month IS NOT NULL"
    )


def note_changes(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> None:
    """Note which files are out of date with this merge: those of the new rows, and those of the rows they replace."""
    keys = ", ".join(map(quoted_name, table.key))
    new = _with_month(table, "incoming")
    old = f"SELECT * FROM ({_with_month(table, quoted_name(table.name))}) SEMI JOIN incoming USING ({keys})"
    for rows in (new, old):
        connection.execute(
            f"INSERT INTO _state.changed SELECT DISTINCT {quoted_text(table.name)}, month FROM ({rows}) "
            f"EXCEPT FROM _state.changed"
        )


def months_changed(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> set[str]:
    """The months of a table whose rows have changed since the last publish."""
    query = "SELECT month FROM _state.changed WHERE table_name = ?"
    return {row[0] for row in connection.execute(query, [table.name]).fetchall()}


def months_of(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> set[str]:
    """All months of a table; only `NO_MONTH` for a table that is not kept by month."""
    if not table.month:
        return {NO_MONTH}
    query = f"SELECT DISTINCT month FROM ({_with_month(table, quoted_name(table.name))})"
    return {row[0] for row in connection.execute(query).fetchall()}


def rows_in_month(table: TableSchema, month: str) -> str:
    """Query the rows of a table in one month, so that DuckDB can pass over the other months' blocks."""
    name, columns = quoted_name(table.name), ", ".join(map(quoted_name, table.column_names))
    if not table.month:
        return f"SELECT {columns} FROM {name}"
    keys, date_column = ", ".join(map(quoted_name, table.key)), quoted_name(table.month.column)
    first = f"TIMESTAMP '{month}-01'"
    dated = f"{date_column} >= {first} AND {date_column} < {first} + INTERVAL 1 MONTH"
    return (
        f"SELECT {columns} FROM {name} ANTI JOIN _state.{name} USING ({keys}) "
        f"WHERE {date_column + ' IS NULL' if month == NO_MONTH else dated} UNION ALL "
        f"SELECT {columns} FROM {name} SEMI JOIN (FROM _state.{name} WHERE month = {quoted_text(month)}) USING ({keys})"
    )


def _with_month(table: TableSchema, relation: str) -> str:
    """Query the rows of a relation with their `month`, the text YYYY-MM; `NO_MONTH` for tables and rows without one."""
    if not table.month:
        return f"SELECT *, '{NO_MONTH}' AS month FROM {relation}"
    keys = ", ".join(map(quoted_name, table.key))
    return (
        f"SELECT {relation}.*, coalesce(kept.month, strftime({relation}.{quoted_name(table.month.column)}, '%Y-%m'), "
        f"'{NO_MONTH}') AS month FROM {relation} LEFT JOIN _state.{quoted_name(table.name)} AS kept USING ({keys})"
    )
