"""What the warehouse must know of a table; the models of `assets/tables` say it, nothing here names one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ColumnSchema:
    """A column: its name, DuckDB type and comment."""

    name: str
    sql_type: str
    comment: str


@dataclass(frozen=True)
class Month:
    """Which month's folder of the Parquet files a row belongs to, once and for all.

    The month of `column` if the row has it when first seen, else that of the earliest of `otherwise`.
    """

    column: str
    otherwise: tuple[str, ...]


@dataclass(frozen=True)
class TableSchema:
    """A table: `key` names the columns that tell its rows apart (none: rows are replaced by what was read)."""

    name: str
    key: tuple[str, ...]
    columns: tuple[ColumnSchema, ...]
    comment: str
    month: Month | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns in their order."""
        return tuple(column.name for column in self.columns)
