"""A table is a pydantic model: its fields are the columns, and everything else about the table is derived.

From one model come the shape that records are read in, the typed frames, the DuckDB and Parquet schema with its
comments, Dagster's column schema (`assets/table_assets.py`), and pydantic's words for a record that does not fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal, get_args

import polars as pl
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from assets.tables.types import EMPTY, ColumnType
from resources.warehouse.schema import Change, ColumnSchema, FieldPath, History, Month, TableSchema, Value

Evidence = Literal["documented", "seen in client code", "hinted", "assumed"]
"""How well a field of the API is known: from an official page, from code that others wrote, from a hint, or not."""

Partitions = Literal["daily", "cards"]
"""The partitions of a table's asset in Dagster, by their names in `assets/partitions.py`."""

Personal = bool | Literal["where it names somebody"]
"""Whether a column is personal data: always, never, or only where its text holds an address or a number."""

_EXPORT_COLUMNS = (
    ColumnSchema("_extra", "VARCHAR", "JSON of every field of the API's record that has no column; null if none"),
    ColumnSchema("_extracted_at", "TIMESTAMP", "time of the API request that returned this state, UTC"),
    ColumnSchema(
        "_deleted_at",
        "TIMESTAMP",
        "time of the complete read that no longer found the row, UTC; null while it is in the account",
    ),
)
_EXPORT_DTYPES = {"_extra": pl.String(), "_extracted_at": pl.Datetime("us"), "_deleted_at": pl.Datetime("us")}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    `paths` are the places in an API record where its value may stand, best first, and `evidence` says how well each
    is known; there are none where the value is known from the request, or made by the export.
    """

    name: str
    paths: tuple[FieldPath, ...]
    evidence: tuple[Evidence, ...]
    type: ColumnType
    required: bool
    description: str
    personal: Personal
    former_name: str | None = None

    @property
    def comment(self) -> str:
        """The column's description, its API fields with their evidence, and whether it is personal data."""
        places = [f"{'.'.join(path)} ({grade})" for path, grade in zip(self.paths, self.evidence, strict=True)]
        where = f" {self.personal}" if isinstance(self.personal, str) else ""
        notes = [f"API field {' or '.join(places)}" if places else "", f"personal data{where}" if self.personal else ""]
        joined = "; ".join(note for note in notes if note)
        return f"{self.description} [{joined}]" if joined else self.description


def column(
    places: Mapping[str, Evidence] | None = None,
    *,
    doc: str,
    personal: Personal = False,
    required: bool = False,
    former_name: str | None = None,
) -> Any:  # noqa: ANN401
    """Declare a column: the dotted API fields it may come from, best first, each with how well it is known.

    Without a field, the value is not in the record but known from the request, such as the campaign's id. In tables
    written by older versions the column has its `former_name`.
    """
    paths = tuple(tuple(place.split(".")) for place in places or {})
    known = _Known(paths, tuple((places or {}).values()), personal, required, former_name)
    aliases = AliasChoices(*(AliasPath(*path) for path in paths)) if paths else None
    field: FieldInfo = Field(... if required and paths else None, validation_alias=aliases, description=doc)  # type: ignore[assignment]
    field.metadata.append(known)
    return field


@dataclass(frozen=True)
class Source:
    """How a table is read from the API, and the group and partitions of its asset in Dagster."""

    group: str
    """The group of the asset in Dagster."""
    parts: tuple[str, ...]
    """The parts of an account, in `resources/coupontools/endpoints.py`, that list the records."""
    constants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By part, the values of columns that say from which part a record came."""
    description: str | None = None
    """The part that describes one record of the list with further fields."""
    active: str | None = None
    """The part that lists only the active records, where others may be read less often."""
    parent: "type[Table] | None" = None
    """The table of the parents by which the records are requested; its key is a column of this table, too."""
    day: str | None = None
    """The date column of a window of days; where the endpoint takes no days, the export filters by it."""
    partitions: Partitions | None = None
    """The partitions of the asset: days of the window, or the loyalty cards that are the parents."""

    @property
    def parent_column(self) -> str:
        """The column that holds the parent's id. Raises TypeError for a table without a parent."""
        if self.parent is None:
            raise TypeError("The table has no parent.")
        (column,) = self.parent.KEY
        return column


@dataclass(frozen=True)
class _Known:
    """What `column` notes on a pydantic field, and `_column` reads from it."""

    paths: tuple[FieldPath, ...]
    evidence: tuple[Evidence, ...]
    personal: Personal
    required: bool
    former_name: str | None


def _without_empty(
    record: Any,  # noqa: ANN401  (a JSON value of any type)
    empty: Mapping[FieldPath, tuple[str, ...]],
    above: FieldPath = (),
) -> Any:  # noqa: ANN401
    """Return the record, and the objects in it, without their empty values; `empty` has the empty texts of places."""
    if not isinstance(record, dict):
        return record
    return {
        name: value if above else _without_empty(value, empty, (name,))
        for name, value in record.items()
        if not (value is None or value in ([], {}) or value in empty.get((*above, name), EMPTY))
    }


def _is_group(value: Any) -> bool:  # noqa: ANN401  (a JSON value of any type)
    """Return whether a value is an object, or stands for a missing one."""
    return isinstance(value, dict) or value is None or value is False or value in ("", [])


class Table(BaseModel):
    """The base of every table model; `reasons` validates one record, `assets/normalise` whole columns."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    TABLE: ClassVar[str]
    PAGE: ClassVar[str] = ""
    """The page of the API's documentation that describes the records."""
    KEY: ClassVar[tuple[str, ...]] = ()
    FILES: ClassVar[Month | Value | None] = None
    """How the Parquet files are divided; None keeps the table in one."""
    SOURCE: ClassVar[Source | None] = None
    """How it is read from the API; None for a table that the export makes."""
    HISTORY: ClassVar["type[Table] | None"] = None
    """The table that keeps each change of the columns that it has as `<column>_before` and `<column>_after`."""
    CHANGES: ClassVar[Mapping[str, Change]] = {}
    """For a table of changes: which differences of a column are recorded; without an entry, any difference is."""

    @classmethod
    @cache
    def columns(cls) -> tuple[Column, ...]:
        """Return the declared columns, in their order, without the export's own three."""
        return tuple(_column(name, field) for name, field in cls.model_fields.items())

    @classmethod
    def reasons(cls, record: Any) -> list[str]:  # noqa: ANN401  (a JSON value of any type)
        """Describe why a record does not fit the table, in pydantic's words, one entry a field; empty if it fits."""
        groups = {path[0] for column in cls.columns() for path in column.paths if len(path) > 1}
        no_objects = [
            f"{name}: Input should be an object"
            for name in sorted(groups)
            if isinstance(record, dict) and not _is_group(record.get(name))
        ]
        empty = {path: column.type.empty for column in cls.columns() for path in column.paths}
        try:
            cls.model_validate(_without_empty(record, empty))
        except ValidationError as error:
            return no_objects + [
                f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}".removeprefix(": ") for detail in error.errors()
            ]
        return no_objects

    @classmethod
    @cache
    def schema_of_frames(cls) -> pl.Schema:
        """Names and dtypes of a typed frame: the declared columns, then `_extra`, `_extracted_at`, `_deleted_at`."""
        return pl.Schema({column.name: column.type.dtype for column in cls.columns()} | _EXPORT_DTYPES)

    @classmethod
    @cache
    def schema_of_table(cls) -> TableSchema:
        """Return the table as the warehouse stores it."""
        declared = tuple(
            ColumnSchema(
                column.name,
                column.type.sql,
                column.comment,
                column.personal is True,
                isinstance(column.personal, str),
                column.former_name,
                column.paths,
                column.type.empty,
                column.type.read_tokens,
            )
            for column in cls.columns()
        )
        comment = " ".join((cls.__doc__ or "").split())
        return TableSchema(cls.TABLE, cls.KEY, declared + _EXPORT_COLUMNS, comment, cls.FILES, cls._history())

    @classmethod
    def _history(cls) -> History | None:
        if cls.HISTORY is None:
            return None
        kept = [name.removesuffix("_before") for name in cls.HISTORY.model_fields if name.endswith("_before")]
        changes = {name: cls.HISTORY.CHANGES.get(name, "any difference") for name in kept}
        return History(cls.HISTORY.schema_of_table(), changes)


def source_of(table: type[Table]) -> Source:
    """Return the Source of a table. Raises TypeError for a table that the export makes."""
    if table.SOURCE is None:
        raise TypeError(f"The table {table.TABLE} is not read from the API.")
    return table.SOURCE


def _column(name: str, field: FieldInfo) -> Column:
    known = next(item for item in field.metadata if isinstance(item, _Known))
    annotations = (*field.metadata, *(item for member in get_args(field.annotation) for item in get_args(member)))
    column_type = next(item for item in annotations if isinstance(item, ColumnType))
    doc = field.description or ""
    return Column(
        name, known.paths, known.evidence, column_type, known.required, doc, known.personal, known.former_name
    )
