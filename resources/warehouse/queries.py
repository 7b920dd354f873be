"""What the assets ask the stage, besides the checks of `audit.py`."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from resources.warehouse.engine import Engine
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import is_empty, quoted_name, quoted_names
from resources.warehouse.stage_tables import open_tables
from resources.warehouse.warehouse_id import read_merged_at, read_staged_id


def count_by_day(engine: Engine, table: TableSchema, column: str, start: date, end: date) -> dict[str, int]:
    """Count the rows of the stage by day (ISO) of a column, from `start` to `end`, inclusive. Raises WarehouseError."""
    day = f"{quoted_name(column)}::DATE"
    with open_tables(engine, table) as connection:
        query = (
            f"SELECT {day}::VARCHAR, count(*) FROM {quoted_name(table.name)} WHERE {day} BETWEEN ? AND ? GROUP BY ALL"
        )
        return dict(connection.execute(query, [start, end]).fetchall())


def count_by_value(engine: Engine, table: TableSchema, column: str) -> dict[str, int]:
    """Count the rows of the stage for each text in a column. Raises WarehouseError."""
    name = quoted_name(column)
    with open_tables(engine, table) as connection:
        return dict(
            connection.execute(f"SELECT {name}, count(*) FROM {quoted_name(table.name)} GROUP BY ALL").fetchall()
        )


def list_live_rows(engine: Engine, table: TableSchema) -> list[tuple[Any, ...]]:
    """List the live rows of a small table of the stage, with its columns in order. Raises WarehouseError."""
    columns = quoted_names(table.column_names)
    with open_tables(engine, table) as connection:
        query = f"SELECT {columns} FROM {quoted_name(table.name)} WHERE _deleted_at IS NULL"
        return connection.execute(query).fetchall()


def has_changed(engine: Engine) -> bool:
    """Whether any row of the stage has changed since the last publish. Raises WarehouseError."""
    with open_tables(engine) as connection:
        return not is_empty(connection, "_state.changed")


def read_warehouse_id(engine: Engine) -> str:
    """Read the id of the warehouse; without a stage, one is made with an id. Raises WarehouseError."""
    return read_last_merge(engine)[0]


def read_last_merge(engine: Engine) -> tuple[str, datetime | None]:
    """Read the id of the warehouse, and when its last merge was done, if that is known. Raises WarehouseError."""
    with open_tables(engine) as connection:
        return read_staged_id(connection), read_merged_at(connection)


def read_values(engine: Engine, table: TableSchema, column: str, keys: Collection[str]) -> dict[str, Any]:
    """Read a column of those rows of the stage that have one of these keys, by key. Raises WarehouseError."""
    (key,) = map(quoted_name, table.key)
    with open_tables(engine, table) as connection:
        with_one = f"{key} IN (SELECT unnest(?::VARCHAR[]))"
        query = f"SELECT {key}, {quoted_name(column)} FROM {quoted_name(table.name)} WHERE {with_one}"
        return dict(connection.execute(query, [list(keys)]).fetchall())
