"""What the warehouse must know of a table, as the models in `assets/tables` declare it; no table is named here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import polars as pl

FieldPath: TypeAlias = tuple[str, ...]
"""A place in a JSON record: the names on the way to a value."""

EMPTY_CONTAINER = r"^(?:\[\s*\]|\{\s*\})$"
"""The JSON token of a list or an object that holds nothing: no column takes it, it stays in `_extra`."""


@dataclass(frozen=True)
class ColumnSchema:
    """A column: its name, DuckDB type and comment, and whether it describes a person.

    A `free_text` does not, but whoever writes it may name somebody: only the texts that do are redacted or erased.
    Tables that an older version has written may have it under its `former_name`, or its values in `_extra`, at the
    places `paths` of the API's record. `read_tokens` returns the values of JSON tokens, and where one can be read;
    texts that are `empty` have no value.
    """

    name: str
    sql_type: str
    comment: str
    personal: bool = False
    free_text: bool = False
    former_name: str | None = None
    paths: tuple[FieldPath, ...] = ()
    empty: tuple[str, ...] = ()
    read_tokens: Callable[[pl.Series], tuple[pl.Series, pl.Series]] | None = field(
        default=None, repr=False, compare=False
    )


@dataclass(frozen=True)
class Month:
    """Files by the month of `column`. A row without it stays in its month; a new one is in that of its earliest date.

    `otherwise` are the columns with its other dates. The folders are called `name`=YYYY-MM.
    """

    column: str
    otherwise: tuple[str, ...] = ()
    name: str = "month"


@dataclass(frozen=True)
class Value:
    """Files by the value of a column of the key, a text; their folders are called `name`=value."""

    name: str
    column: str


Change = Literal["any difference", "also to a value", "once set"]
"""Which differences of a column are a change that its history keeps.

`also to a value`: any, except that a null flag counts as false. `once set`: only where there was a value, or the flag
was true, before, so that a first value is no change.
"""


@dataclass(frozen=True)
class History:
    """The table that keeps each change of `columns` between two observations of a row.

    It has the key of the row, `last_observed_at` and `observed_at`, and each of the columns as `<column>_before` and
    `<column>_after`. A row is added where a column has changed as its `Change` requires.
    """

    table: "TableSchema"
    columns: Mapping[str, Change]


@dataclass(frozen=True)
class TableSchema:
    """A table: `key` names the columns that identify its rows (none: rows are replaced by what was read).

    `files` says how its Parquet files are divided; None keeps the table in one file.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[ColumnSchema, ...]
    comment: str
    files: Month | Value | None = None
    history: History | None = None

    @property
    def date(self) -> str | None:
        """The column by whose month its files are divided, if they are."""
        return self.files.column if isinstance(self.files, Month) else None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def personal(self) -> tuple[str, ...]:
        """The columns that describe a person."""
        return tuple(column.name for column in self.columns if column.personal)

    @property
    def free_texts(self) -> tuple[str, ...]:
        """The columns in which only the texts that name somebody are personal data."""
        return tuple(column.name for column in self.columns if column.free_text)

    @property
    def erased_columns(self) -> tuple[str, ...]:
        """The columns that are cleared in the rows of a person who is erased."""
        return (*self.personal, *({"_extra"} & set(self.column_names)))

    @property
    def naming_columns(self) -> tuple[str, ...]:
        """The columns in whose texts somebody may be named."""
        texts = {column.name for column in self.columns if column.sql_type == "VARCHAR"}
        return (*(name for name in self.erased_columns if name in texts), *self.free_texts)

    @property
    def is_about_people(self) -> bool:
        """Whether a row means nothing without its person: the key names the person, or there is no key."""
        return not self.key or any(name in self.personal for name in self.key)
