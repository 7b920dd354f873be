"""A raw page and a table's model become one typed frame and the rejected records; nothing in between is lost.

No value is changed on the way. What a column cannot hold exactly sends its record, whole, to `quarantine`, with
pydantic's reason; every other record of the page is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import polars as pl

from assets.records import Texts, exact, plain, record_texts
from assets.tables.quarantine import Quarantine
from assets.tables.table import EMPTY, Table
from resources.coupontools.paging import Page


@dataclass(frozen=True)
class Normalised:
    """A page as frames.

    `rows` has the columns of the table (`Table.schema_of_frames`), `rejected` those of `Quarantine`, one row per
    record and reason. `records` counts what the page held, `refused` how many of them are not in `rows`.
    `new_fields` names the undeclared fields, dotted.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    records: int
    refused: int
    new_fields: frozenset[str]
    key: tuple[str, ...]

    def keys(self) -> frozenset[int]:
        """A hash for each record: of its key, or of the whole record if it was refused."""
        accepted = self.rows.select(pl.struct(self.key).hash()).to_series()
        return frozenset(accepted) | frozenset(self.rejected["record"].hash())


def normalise(page: Page, table: type[Table], given: Mapping[str, str]) -> Normalised:
    """Turn a page into typed rows of `table`; `given` are the column values that come from the request.

    Raises msgspec.DecodeError if the page's records are no JSON array.
    """
    texts = plain(page.records, table) or exact(page.records, table)
    records = len(texts.extra)
    filled = texts.columns.with_columns(pl.lit(value).alias(name) for name, value in given.items()).select(
        pl.when(~pl.col(column.name).is_in(EMPTY)).then(pl.col(column.name)) for column in table.columns()
    )
    values = filled.select(column.type.read(pl.col(column.name)) for column in table.columns())
    fits = _fits(table, texts, filled, values)
    rows = values.with_columns(
        texts.extra.alias("_extra"),
        pl.lit(page.requested_at, pl.Datetime("us")).alias("_extracted_at"),
        pl.lit(None, pl.Datetime("us")).alias("_deleted_at"),
    )
    if fits.all():
        return Normalised(rows, Quarantine.schema_of_frames().to_frame(), records, 0, texts.new_fields, table.KEY)
    rejected = _rejected(page, table, values, fits)
    refused = records - int(fits.sum())
    return Normalised(rows.filter(fits), rejected, records, refused, texts.new_fields, table.KEY)


def _fits(table: type[Table], texts: Texts, filled: pl.DataFrame, values: pl.DataFrame) -> pl.Series:
    """Which records every column can hold, with all required values, the first of each key on the page."""
    fits = ~texts.unfit
    for column in table.columns():
        text, value = filled[column.name], values[column.name]
        if text.null_count() != value.null_count():
            fits &= text.is_null() | value.is_not_null()
        if column.required and text.null_count():
            fits &= text.is_not_null()
    keys = values.select(table.KEY)
    if keys.filter(fits).n_unique() < int(fits.sum()):
        fits &= keys.with_columns(fits.alias("_fits")).select(pl.struct(pl.all()).is_first_distinct()).to_series()
    return fits


def _rejected(page: Page, table: type[Table], values: pl.DataFrame, fits: pl.Series) -> pl.DataFrame:
    """The records that did not fit, as rows of `quarantine`; only these are read one by one."""
    records = record_texts(page.records)
    found = [
        (reason, records[index].decode("utf-8", "backslashreplace"))
        for index in (~fits).arg_true()
        for reason in _reasons(table, records[index], values.row(index, named=True))
    ]
    return pl.DataFrame(found, {"reason": pl.String, "record": pl.String}, orient="row").select(
        pl.lit(table.TABLE).alias("table_name"),
        pl.lit(page.unit.endpoint.path).alias("endpoint"),
        pl.lit(page.unit.parent, pl.String).alias("parent_id"),
        pl.lit(page.unit.start, pl.Datetime("us")).alias("window_start"),
        pl.lit(page.unit.end, pl.Datetime("us")).alias("window_end"),
        pl.lit(page.number, pl.Int64).alias("page"),
        "reason",
        "record",
        pl.lit(None, pl.String).alias("_extra"),
        pl.lit(page.requested_at, pl.Datetime("us")).alias("_extracted_at"),
        pl.lit(None, pl.Datetime("us")).alias("_deleted_at"),
    )


_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def _reasons(table: type[Table], record: bytes, values: Mapping[str, object]) -> list[str]:
    try:
        reasons = table.reasons(_DECODER.decode(record))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ["the record holds a text that is not Unicode (a broken byte or half a surrogate pair)"]
    if reasons:
        return reasons
    key = ", ".join(f"{name} {values[name]}" for name in table.KEY)
    return [f"{key} stands on this page more than once"]


def identifiers(page: Page, table: type[Table]) -> list[str]:
    """The ids on a page of a table with one key column, also of records that the table could not take."""
    texts = plain(page.records, table) or exact(page.records, table)
    (key,) = table.KEY
    found = texts.columns[key].drop_nulls().unique(maintain_order=True)
    return found.filter(found != "").to_list()
