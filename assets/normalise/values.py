"""Reads the typed values of a page from its texts."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import polars as pl

from assets.normalise.exact_json import Texts
from assets.tables.table import Table


def read_values(table: type[Table], texts: Texts, constants: Mapping[str, str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return the values of all columns, and which records the columns can hold, with all required values.

    `constants` are the texts of the columns that are not in a record. A column without a text takes hardly any time.
    """
    columns = texts.columns.with_columns(pl.lit(text).alias(name) for name, text in constants.items())
    longest = columns.select_seq(pl.all().str.len_bytes().max()).row(0, named=True)
    reads = _make_reads(table)
    # a frame of nulls alone would not be as long as the page
    has_text = [bool(longest[read.name]) for read in reads] if any(longest.values()) else [True] * len(reads)
    filled = columns.select_seq(
        read.filled if is_read else read.no_text for read, is_read in zip(reads, has_text, strict=True)
    )
    values = filled.select_seq(
        read.value if is_read else read.no_value for read, is_read in zip(reads, has_text, strict=True)
    )
    return values, _find_fitting(table, texts.unfit, filled, values)


class _Read(NamedTuple):
    """How a column is read."""

    name: str
    filled: pl.Expr
    """Makes null of empty texts."""
    value: pl.Expr
    """Makes values of the others."""
    no_text: pl.Expr
    no_value: pl.Expr


@cache
def _make_reads(table: type[Table]) -> Sequence[_Read]:
    return [
        _Read(
            column.name,
            pl.when(~text.is_in(column.type.empty)).then(text),
            column.type.read(text),
            pl.lit(None, pl.String).alias(column.name),
            pl.lit(None, column.type.dtype).alias(column.name),
        )
        for column, text in ((column, pl.col(column.name)) for column in table.columns())
    ]


def _find_fitting(table: type[Table], unfit: pl.Series, filled: pl.DataFrame, values: pl.DataFrame) -> pl.Series:
    """Return which records the columns can hold, with all required values."""
    fits = ~unfit
    without_text, without_value = (frame.null_count().row(0) for frame in (filled, values))
    for column, no_text, no_value in zip(table.columns(), without_text, without_value, strict=True):
        text = filled[column.name]
        if no_text != no_value:
            fits &= text.is_null() | values[column.name].is_not_null()
        if column.required and no_text:
            fits &= text.is_not_null()
    return fits
