"""A raw page and a table's model become one typed frame and the rejected records; nothing in between is lost.

No value is changed on the way. What a column cannot hold exactly sends its record, whole, to `quarantine`, with
pydantic's reason; every other record of the page is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import msgspec
import polars as pl

from assets.normalise.exact_json import MAX_UNDECLARED, IllegibleError, Texts, decoded, parse_any_page, split_records
from assets.normalise.fast_json import parse_plain_page
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from assets.tables.types import MAX_ID_BYTES
from resources.coupontools.envelope import NO_RECORDS, ShapeError
from resources.coupontools.errors import MAX_BYTES_KEPT, UnreadableError
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from resources.settings import MAX_RECORD_BYTES


@dataclass(frozen=True)
class Normalised:
    """A page as frames.

    `rows` has the columns of the table (`Table.schema_of_frames`), `rejected` those of `Quarantine`, one row per
    record and reason. `records` counts what the page held, without `copies` (records that stand on it again, byte for
    byte); `refused` how many of them are not in `rows`; `refused_keys` are their key columns, null where those cannot
    be read. `new_fields` names the undeclared fields, dotted.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    records: int
    refused: int
    refused_keys: pl.DataFrame
    new_fields: frozenset[str]
    hashes: pl.Series
    """What tells the records apart, first those of `rows`, then those of `rejected`."""
    copies: int = 0


def normalise(
    page: Page, table: type[Table], given: Mapping[str, str], max_record_bytes: int = MAX_RECORD_BYTES
) -> Normalised:
    """Turn a page into typed rows of `table`; `given` are the column values that come from the request.

    A record that is larger than it may be is rejected unread, and kept cut. Raises msgspec.DecodeError if the page's
    records are no JSON array.
    """
    if len(page.records) <= max_record_bytes:
        return _normalised(page, table, given)
    records = split_records(page.records)
    large = list(dict.fromkeys(record for record in records if len(record) > max_record_bytes))
    if not large:
        return _normalised(page, table, given)
    small = [record for record in records if len(record) <= max_record_bytes]
    found = _normalised(replace(page, records=b"[" + b",".join(small) + b"]"), table, given)
    told = f"the record is larger than the {max_record_bytes:,} bytes that COUPONTOOLS_MAX_RECORD_BYTES allows"
    rejected = [
        (_kept(told, len(record)), record[:MAX_BYTES_KEPT].decode("utf-8", "backslashreplace")) for record in large
    ]
    return replace(
        found,
        rejected=found.rejected.vstack(_quarantined(table, page, pl.DataFrame(rejected, _REASONS, orient="row"))),
        records=found.records + len(large),
        refused=found.refused + len(large),
        refused_keys=found.refused_keys.vstack(found.refused_keys.clear(len(large))),
        hashes=found.hashes.append(pl.Series(large, dtype=pl.Binary).hash()),
        copies=found.copies + len(records) - len(small) - len(large),
    )


def _normalised(page: Page, table: type[Table], given: Mapping[str, str]) -> Normalised:
    none = Quarantine.schema_of_frames().to_frame()
    if page.records == NO_RECORDS:
        rows = table.schema_of_frames().to_frame()
        return Normalised(rows, none, 0, 0, rows.select(table.KEY), frozenset(), _hashes(rows, table))
    texts = _texts(page.records, table)
    records = len(texts.extra)
    filled_of, values_of = _expressions(table)
    filled = texts.columns.with_columns(pl.lit(value).alias(name) for name, value in given.items()).select_seq(
        filled_of
    )
    values = filled.select_seq(values_of)
    fits = _fits(table, texts, filled, values)
    taken = fits & _first_of_its_key(table, values, fits)
    rows = values.with_columns(
        texts.extra.alias("_extra"),
        pl.lit(page.requested_at, pl.Datetime("us")).alias("_extracted_at"),
        pl.lit(None, pl.Datetime("us")).alias("_deleted_at"),
    )
    if taken.all():
        no_keys = rows.select(table.KEY).clear()
        return Normalised(rows, none, records, 0, no_keys, texts.new_fields, _hashes(rows, table))
    on_page = split_records(page.records)
    is_copy = _is_copy(on_page, taken)
    refused = ~taken & ~is_copy
    rejected, keys = _rejected(page, on_page, table, fits, refused), rows.select(table.KEY).filter(refused)
    rows = rows.filter(taken)
    hashes, copies = _hashes(rows, table).append(rejected["record"].hash()), int(is_copy.sum())
    return Normalised(rows, rejected, records - copies, len(keys), keys, texts.new_fields, hashes, copies)


def _hashes(rows: pl.DataFrame, table: type[Table]) -> pl.Series:
    return rows.select(pl.struct(table.KEY).hash()).to_series()


_undeclared: dict[type[Table], frozenset[str]] = {}
"""The undeclared fields that pages of a table were found to have, with which the next page is plain."""


def _texts(records: bytes, table: type[Table]) -> Texts:
    known = _undeclared.get(table, frozenset())
    if texts := parse_plain_page(records, table, known):
        return texts
    texts = parse_any_page(records, table)
    if len(known | texts.new_fields) <= MAX_UNDECLARED:
        _undeclared[table] = known | texts.new_fields
    return texts


@cache
def _expressions(table: type[Table]) -> tuple[Sequence[pl.Expr], Sequence[pl.Expr]]:
    """What makes null of texts that say "nothing here", and what makes values of the others."""
    texts = {column: pl.col(column.name) for column in table.columns()}
    filled = [pl.when(~text.is_in(column.type.empty)).then(text) for column, text in texts.items()]
    return filled, [column.type.read(text) for column, text in texts.items()]


def normalise_page(
    table: type[Table],
    given: Mapping[str, str],
    complete: Callable[[Page], Page] | None,
    max_record_bytes: int,
    page: Page,
) -> tuple[Normalised, str]:
    """A page, completed by what is known from elsewhere, as frames, and where its records were found.

    Raises ShapeError.
    """
    try:
        return normalise(complete(page) if complete else page, table, given, max_record_bytes), page.place
    except msgspec.DecodeError:
        raise ShapeError from None


def _fits(table: type[Table], texts: Texts, filled: pl.DataFrame, values: pl.DataFrame) -> pl.Series:
    """Which records the columns can hold, with all required values."""
    fits = ~texts.unfit
    without_text, without_value = (frame.null_count().row(0) for frame in (filled, values))
    for column, no_text, no_value in zip(table.columns(), without_text, without_value, strict=True):
        text = filled[column.name]
        if no_text != no_value:
            fits &= text.is_null() | values[column.name].is_not_null()
        if column.required and no_text:
            fits &= text.is_not_null()
    return fits


def _first_of_its_key(table: type[Table], values: pl.DataFrame, fits: pl.Series) -> pl.Series:
    """Which records are the first of their key, among those that fit and among those that do not."""
    keys = values.select(*table.KEY, fits.alias("_fits"))
    return keys.select(pl.struct(pl.all()).is_first_distinct()).to_series()


def _is_copy(records: Sequence[bytes], taken: pl.Series) -> pl.Series:
    """Which records stand on the page before, byte for byte."""
    return ~taken & ~pl.Series(records, dtype=pl.Binary).is_first_distinct()


def _rejected(
    page: Page, records: Sequence[bytes], table: type[Table], fits: pl.Series, refused: pl.Series
) -> pl.DataFrame:
    """The records that are refused, as rows of `quarantine`; only these are read one by one."""
    repeated = f"{', '.join(table.KEY)}: the page holds another record of the same key"
    places = refused.arg_true()
    texts = pl.Series([records[index].decode("utf-8", "backslashreplace") for index in places], dtype=pl.String)
    reasons = pl.Series(
        [[repeated] if fits[index] else _reasons(table, records[index]) for index in places],
        dtype=pl.List(pl.String),
    )
    # a record of many reasons stands in memory once
    return _quarantined(table, page, pl.DataFrame({"reason": reasons, "record": texts}).explode("reason"))


def unreadable(table: type[Table], slice_: Slice, error: UnreadableError) -> pl.DataFrame:
    """A whole answer that could not be read, as a row of `quarantine`."""
    found = [(_kept(str(error), error.size), error.body.decode("utf-8", "backslashreplace"))]
    page = Page(slice_, error.page, NO_RECORDS, datetime.now(UTC).replace(tzinfo=None))
    return _quarantined(table, page, pl.DataFrame(found, _REASONS, orient="row"))


_REASONS = {"reason": pl.String, "record": pl.String}


def _kept(reason: str, size: int) -> str:
    """The reason, and how much of so many bytes is kept, if it is not all."""
    return reason if size <= MAX_BYTES_KEPT else f"{reason} (kept are the first {MAX_BYTES_KEPT:,} of {size:,} bytes)"


def _quarantined(table: type[Table], page: Page, found: pl.DataFrame) -> pl.DataFrame:
    """Reasons and records as rows of `quarantine`."""
    slice_ = page.slice_
    return found.select(
        pl.lit(table.TABLE).alias("table_name"),
        pl.lit(slice_.endpoint.path).alias("endpoint"),
        pl.lit(slice_.parent, pl.String).alias("parent_id"),
        pl.lit(slice_.start, pl.Datetime("us")).alias("window_start"),
        pl.lit(slice_.end, pl.Datetime("us")).alias("window_end"),
        pl.lit(page.number, pl.Int64).alias("page"),
        "reason",
        "record",
        pl.lit(None, pl.String).alias("_extra"),
        pl.lit(page.requested_at, pl.Datetime("us")).alias("_extracted_at"),
        pl.lit(None, pl.Datetime("us")).alias("_deleted_at"),
    )


def _reasons(table: type[Table], record: bytes) -> list[str]:
    try:
        return table.reasons(decoded(record)) or ["a value that its column cannot hold unchanged"]
    except IllegibleError as error:
        return [str(error)]


def identifiers(page: Page, table: type[Table]) -> pl.Series:
    """The id of each record of a page, also of those that the table could not take; null where there is none to use.

    For tables with one key column. Raises msgspec.DecodeError if the page's records are no JSON array.
    """
    texts = _texts(page.records, table)
    (key,) = table.KEY
    found = texts.columns[key]
    return pl.select(pl.when(found.str.len_bytes().is_between(1, MAX_ID_BYTES)).then(found).alias(key)).to_series()
