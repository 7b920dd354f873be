"""Deletes rows that are kept for a limited time."""

from datetime import datetime

from resources.warehouse.engine import Engine
from resources.warehouse.parquet_partitions import note_changes
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import execute_counting, quoted_name, quoted_text
from resources.warehouse.stage_tables import open_tables


def delete_rows_before(engine: Engine, table: TableSchema, column: str, moment: datetime) -> int:
    """Delete the rows of the stage whose `column` is before a moment (naive UTC); returns how many were deleted.

    The next publish no longer has them. Raises WarehouseError.
    """
    name = quoted_name(table.name)
    is_expired = f"{quoted_name(column)} < TIMESTAMP {quoted_text(moment)}"
    with open_tables(engine, table) as connection:
        count = execute_counting(connection, f"CREATE TEMP TABLE expired AS FROM {name} WHERE {is_expired}")
        if count:
            note_changes(connection, table, "expired")
            connection.execute(f"DELETE FROM {name} WHERE {is_expired}")
        connection.execute("DROP TABLE expired")
    return count
