"""Reads the typed values of a page from its texts."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import polars as pl

from assets.normalise.page_texts import Texts
from assets.tables.table import Table


def read_values(table: type[Table], texts: Texts, constants: Mapping[str, str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return the values of all columns, and which records the columns can hold, with all required values.

    `constants` are the texts of the columns that are not in a record. Columns without a text take hardly any time.
    """
    columns = texts.columns.with_columns(pl.lit(text).alias(name) for name, text in constants.items())
    longest = columns.select_seq(pl.all().str.len_bytes().max()).row(0, named=True)
    readers = _make_readers(table)
    with_text = [reader for reader in readers if longest[reader.name]]
    filled = columns.select_seq(reader.filled for reader in with_text)
    values = filled.select_seq(reader.value for reader in with_text)
    fits = _find_fitting(table, ~texts.unfit, filled, values)
    empty = {reader.name: reader.nothing.new_from_index(0, len(columns)) for reader in readers}
    return pl.DataFrame([values.get_column(name, default=column) for name, column in empty.items()]), fits


class _ColumnReader(NamedTuple):
    """How a column is read."""

    name: str
    filled: pl.Expr
    """Makes null of empty texts."""
    value: pl.Expr
    """Makes values of the others."""
    nothing: pl.Series
    """One null, of the type of the values."""


@cache
def _make_readers(table: type[Table]) -> Sequence[_ColumnReader]:
    return [
        _ColumnReader(
            column.name,
            pl.when(~text.is_in(column.type.empty)).then(text),
            column.type.read(text),
            pl.Series(column.name, [None], column.type.dtype),
        )
        for column, text in ((column, pl.col(column.name)) for column in table.columns())
    ]


def _find_fitting(table: type[Table], can_fit: pl.Series, filled: pl.DataFrame, values: pl.DataFrame) -> pl.Series:
    """Return which records the columns can hold, with all required values, of those that can fit."""
    fits = can_fit
    without_text, without_value = (frame.null_count().row(0, named=True) for frame in (filled, values))
    for name, no_text in without_text.items():
        if no_text != without_value[name]:
            fits &= filled[name].is_null() | values[name].is_not_null()
    for name in (column.name for column in table.columns() if column.required):
        if name not in without_text:
            return fits & False
        if without_text[name]:
            fits &= filled[name].is_not_null()
    return fits
