"""Turns a page of the API into one typed frame and the rejected records, without loss.

No value is changed on the way. A record that a column cannot hold exactly goes unchanged to `quarantine`, with
pydantic's reason; every other record of the page is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import polars as pl

from assets.normalise.exact_json import parse_any_page
from assets.normalise.json_records import split_records
from assets.normalise.page_texts import MAX_UNDECLARED, Texts
from assets.normalise.plain_json import parse_plain_page
from assets.normalise.quarantine_rows import quarantine_large_records, quarantine_records
from assets.normalise.uniform_json import parse_uniform_page
from assets.normalise.values import read_values
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from assets.tables.types import is_id
from resources.coupontools.envelope import NO_RECORDS
from resources.coupontools.errors import ShapeError
from resources.coupontools.lone_surrogates import replace_lone_surrogates
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from resources.settings import MAX_RECORD_BYTES

_REPLACED = "[\ufdd0\ufffd]"
"""Matches what stands for half a surrogate pair and for a broken byte."""


@dataclass(frozen=True)
class NormalisedPage:
    """A page as frames."""

    rows: pl.DataFrame
    """The records that fit, with the columns of the table (`Table.schema_of_frames`)."""
    rejected: pl.DataFrame
    """The others, with the columns of `Quarantine`: one row per record and reason."""
    rejected_keys: pl.DataFrame
    """The key columns of the rejected records, null where they cannot be read: one row per record."""
    hashes: pl.Series
    """A hash per row of `rows`, of its key, then one per row of `rejected`, of its key too, or else of its record."""
    records: int
    """How many records the page held."""
    keyless: int = 0
    """How many rows of `rejected`, the last ones, have no readable key."""
    copies: int = 0
    """How many records repeat an earlier one of the page, byte for byte; they are in neither frame."""
    new_fields: frozenset[str] = frozenset()
    """The names of the undeclared fields, dotted."""
    records_key: str = ""
    """The key under which the records were in the answer; empty for a bare list or object."""
    is_before_window: bool = False
    """Whether all rows are dated before the slice's first day."""


class PageNormaliser:
    """Normalises the pages of one table; safe to use from several threads.

    It learns which undeclared fields the pages have, so that the next page with them is read the fast way.
    """

    def __init__(self, table: type[Table], max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        """Reject a record of more than `max_record_bytes` unread, and keep its beginning."""
        self.table = table
        self._max_record_bytes = max_record_bytes
        self._undeclared: frozenset[str] = frozenset()

    def normalise(self, page: Page) -> NormalisedPage:
        """Turn a page into typed rows and rejected records. Raises ShapeError if its records are no JSON array."""
        try:
            return self._with_limit(page)
        except msgspec.DecodeError:
            raise ShapeError from None

    def read_identifiers(self, page: Page) -> pl.Series:
        """Read the id of each record of a page, also of those that do not fit; null where none can be used.

        For tables with one key column. Raises ShapeError if the page's records are no JSON array.
        """
        # a broken text beside an id does not hide the id, by which what belongs to the record is read
        legible = replace_lone_surrogates(page.records).decode(errors="replace").encode()
        try:
            texts = self._texts(legible)
        except msgspec.DecodeError:
            raise ShapeError from None
        (key,) = self.table.KEY
        ids, id_ = pl.DataFrame({key: texts.columns[key]}), pl.col(key)
        return ids.select(pl.when(is_id(id_) & (id_ != "") & ~id_.str.contains(_REPLACED)).then(id_)).to_series()

    def _with_limit(self, page: Page) -> NormalisedPage:
        limit = self._max_record_bytes
        if len(page.records) <= limit:
            return self._normalise(page)
        records = split_records(page.records)
        large = list(dict.fromkeys(record for record in records if len(record) > limit))
        if not large:
            return self._normalise(page)
        small = [record for record in records if len(record) <= limit]
        others = self._normalise(replace(page, records=b"[" + b",".join(small) + b"]"))
        return replace(
            others,
            rejected=others.rejected.vstack(quarantine_large_records(self.table, page, large, limit)),
            rejected_keys=others.rejected_keys.vstack(others.rejected_keys.clear(len(large))),
            hashes=others.hashes.append(pl.Series(large, dtype=pl.Binary).hash()),
            records=len(records),
            keyless=others.keyless + len(large),
            copies=others.copies + len(records) - len(small) - len(large),
        )

    def _normalise(self, page: Page) -> NormalisedPage:
        table = self.table
        if page.records == NO_RECORDS:
            return _whole_page(table, page, table.schema_of_frames().to_frame(), pl.Series(dtype=pl.UInt64))
        texts = self._texts(page.records)
        values, fits = read_values(table, texts, page.slice_.constants)
        hashes = _hashes(values, table)
        # different hashes mean different keys, and are faster to compare
        is_kept = fits if hashes.is_unique().all() else fits & _first_of_its_key(table, values, fits)
        rows = values.with_columns_seq(
            texts.extra.alias("_extra"),
            pl.lit(page.requested_at, pl.Datetime("us")).alias("_extracted_at"),
            pl.lit(None, pl.Datetime("us")).alias("_deleted_at"),
        )
        if is_kept.all():
            return _whole_page(table, page, rows, hashes, texts.new_fields)
        records = split_records(page.records)
        is_copy = _is_copy(records, is_kept)
        has_key = rows.select(pl.all_horizontal(pl.col(table.KEY).is_not_null())).to_series()
        is_rejected = ~is_kept & ~is_copy
        indexes = (is_rejected & has_key).arg_true().append((is_rejected & ~has_key).arg_true())
        rejected = quarantine_records(table, page, [(records[index], bool(fits[index])) for index in indexes])
        keys, rows = rows.select(table.KEY)[indexes], rows.filter(is_kept)
        hashes_of_rejected, keyless = _recognise_rejected(rejected["record"], keys)
        return NormalisedPage(
            rows,
            rejected,
            keys,
            hashes.filter(is_kept).append(hashes_of_rejected),
            len(records),
            keyless,
            int(is_copy.sum()),
            texts.new_fields,
            page.records_key,
            _is_before_window(rows, table, page.slice_),
        )

    def _texts(self, records: bytes) -> Texts:
        known = self._undeclared
        if texts := parse_uniform_page(records, self.table) or parse_plain_page(records, self.table, known):
            return texts
        texts = parse_any_page(records, self.table)
        if len(known | texts.new_fields) <= MAX_UNDECLARED:
            self._undeclared = known | texts.new_fields
        return texts


def _whole_page(
    table: type[Table], page: Page, rows: pl.DataFrame, hashes: pl.Series, new_fields: frozenset[str] = frozenset()
) -> NormalisedPage:
    """Make a page of which every record fits."""
    return NormalisedPage(
        rows,
        Quarantine.schema_of_frames().to_frame(),
        rows.select(table.KEY).clear(),
        hashes,
        len(rows),
        new_fields=new_fields,
        records_key=page.records_key,
        is_before_window=_is_before_window(rows, table, page.slice_),
    )


def _hashes(rows: pl.DataFrame, table: type[Table]) -> pl.Series:
    return rows.select(pl.struct(table.KEY).hash()).to_series()


def _recognise_rejected(records: pl.Series, keys: pl.DataFrame) -> tuple[pl.Series, int]:
    """Return a hash for each row of rejected records, and how many of the last rows have no key.

    `keys` has a row for each record, of which `records` has one for each reason. A record with the key of a row that
    fits is another record than that.
    """
    of_keys = keys.drop_nulls().select(pl.struct(pl.all()).hash(seed=1)).to_series()
    number = records.rle_id()
    has_key = number < len(of_keys)
    hashes = of_keys.gather(number.filter(has_key)).append(records.filter(~has_key).hash())
    return hashes, int((~has_key).sum())


def day_column(table: type[Table], slice_: Slice) -> str | None:
    """Return the column by which records outside the slice's days are left out; None where the API does so."""
    if slice_.start is None or slice_.endpoint.windowed or table.SOURCE is None:
        return None
    return table.SOURCE.day


def _is_before_window(rows: pl.DataFrame, table: type[Table], slice_: Slice) -> bool:
    column = day_column(table, slice_)
    if column is None or rows.is_empty():
        return False
    return bool((rows[column].dt.date() < slice_.start).fill_null(value=False).all())


def _first_of_its_key(table: type[Table], values: pl.DataFrame, fits: pl.Series) -> pl.Series:
    """Return which records are the first of their key, among those that fit and among those that do not."""
    keys = values.select(*table.KEY, fits.alias("_fits"))
    return keys.select(pl.struct(pl.all()).is_first_distinct()).to_series()


def _is_copy(records: Sequence[bytes], is_kept: pl.Series) -> pl.Series:
    """Return which records repeat an earlier record of the page, byte for byte."""
    return ~is_kept & ~pl.Series(records, dtype=pl.Binary).is_first_distinct()
