"""The records of a page as columns of texts, and the fields that a table declares in a record."""

from functools import cache
from typing import NamedTuple, TypeAlias

import msgspec
import polars as pl

from assets.tables.table import Column, Table

Fields: TypeAlias = dict[str, "Fields | None"]
"""The declared fields of a record by name: None for a value, nested fields for an object."""


Extras: TypeAlias = list[tuple[str | None, pl.Series]]
"""Undeclared fields: name and JSON tokens, null where a record does not have it; or None and complete members."""

MAX_UNDECLARED = 100
"""With more undeclared fields than this in one object, or in a table, field names are taken to hold data."""


class Texts(NamedTuple):
    """The records of a page as texts, in their order."""

    columns: pl.DataFrame
    """One String column for each column of the table whose value is in the record."""
    extra: pl.Series
    """The column `_extra`."""
    unfit: pl.Series
    """True where a value is of a JSON type that its column cannot take, or where the record cannot be read."""
    new_fields: frozenset[str]
    """The names of the undeclared fields, dotted."""


def join_extras(extras: Extras, records: int) -> pl.Series:
    """Join the undeclared fields of each record into one JSON object; null for a record without any."""
    present = [(name, tokens) for name, tokens in extras if tokens.null_count() < records]
    if not present:
        return pl.Series([None], dtype=pl.String).new_from_index(0, records)
    members = [
        tokens if name is None else pl.lit(msgspec.json.encode(name).decode() + ":") + tokens
        for name, tokens in present
    ]
    inside = pl.concat_str(members, separator=",", ignore_nulls=True)
    return pl.select(pl.when(inside != "").then("{" + inside + "}")).to_series()


def record_columns(table: type[Table]) -> list[Column]:
    """Return the columns whose values are in a record."""
    return [column for column in table.columns() if column.paths]


@cache
def fields_of(table: type[Table]) -> Fields:
    """Return the tree of the fields that a table declares in a record."""
    root: Fields = {}
    for column in record_columns(table):
        for path in column.paths:
            here = root
            for name in path[:-1]:
                deeper = here.setdefault(name, {})
                if deeper is None:
                    raise TypeError(f"{table.__name__} declares {name} both as a value and as an object")
                here = deeper
            here[path[-1]] = None
    return root
