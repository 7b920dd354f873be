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
    """Files by month: that of `column`, or while a row is without it, where it was, or of the earliest of `otherwise`.

    Their folders are called `name`=YYYY-MM.
    """

    column: str
    otherwise: tuple[str, ...] = ()
    name: str = "month"


@dataclass(frozen=True)
class Value:
    """Files by the value of a column of the key, a text; their folders are called `name`=value."""

    name: str
    column: str


@dataclass(frozen=True)
class History:
    """The table that keeps each change of `columns` between two observations of a row.

    It has the key of the row, `last_observed_at` and `observed_at`, and each of the columns as `<column>_before` and
    `<column>_after`.
    """

    table: "TableSchema"
    columns: tuple[str, ...]


@dataclass(frozen=True)
class TableSchema:
    """A table: `key` names the columns that tell its rows apart (none: rows are replaced by what was read).

    `files` says how its Parquet files are divided; None keeps the table in one file.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[ColumnSchema, ...]
    comment: str
    files: Month | Value | None = None
    history: History | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns in their order."""
        return tuple(column.name for column in self.columns)
