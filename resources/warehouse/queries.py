"""Questions to the stage that the assets have."""

from datetime import date

from resources.warehouse.local.folder import Folder
from resources.warehouse.local.stage_file import ensure_table, stage, writer_lock
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import quoted_name


def rows_by_day(folder: Folder, table: TableSchema, column: str, start: date, end: date) -> dict[str, int]:
    """Rows of the stage for each day (ISO) of `column` between two days, both inclusive. Raises WarehouseError."""
    day = f"{quoted_name(column)}::DATE"
    with writer_lock(folder), stage(folder) as connection:
        ensure_table(connection, folder, table)
        query = (
            f"SELECT {day}::VARCHAR, count(*) FROM {quoted_name(table.name)} WHERE {day} BETWEEN ? AND ? GROUP BY ALL"
        )
        return dict(connection.execute(query, [start, end]).fetchall())


def rows_by_value(folder: Folder, table: TableSchema, column: str) -> dict[str, int]:
    """Rows of the stage for each text in a column. Raises WarehouseError."""
    name = quoted_name(column)
    with writer_lock(folder), stage(folder) as connection:
        ensure_table(connection, folder, table)
        return dict(
            connection.execute(f"SELECT {name}, count(*) FROM {quoted_name(table.name)} GROUP BY ALL").fetchall()
        )


def values(folder: Folder, table: TableSchema, column: str) -> list[str]:
    """The distinct texts in a column of the stage, of rows that are still in the account. Raises WarehouseError."""
    name = quoted_name(column)
    with writer_lock(folder), stage(folder) as connection:
        ensure_table(connection, folder, table)
        query = f"SELECT DISTINCT {name} FROM {quoted_name(table.name)} WHERE _deleted_at IS NULL ORDER BY ALL"
        return [row[0] for row in connection.execute(query).fetchall()]
