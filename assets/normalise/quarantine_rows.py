"""Makes rows of `quarantine`: from records that do not fit their table, and from answers that could not be read."""

from collections.abc import Sequence

import polars as pl

from assets.normalise.json_records import IllegibleError, decode_record
from assets.tables.table import Table
from resources.coupontools.envelope import NO_RECORDS
from resources.coupontools.errors import MAX_BYTES_KEPT, UnreadableError
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from resources.utc import utc_now


def quarantine_records(table: type[Table], page: Page, rejected: Sequence[tuple[bytes, bool]]) -> pl.DataFrame:
    """Make a row of each rejected record and reason; one that fits the table has the key of another one on the page."""
    repeated = f"{', '.join(table.KEY)}: the page holds another record of the same key"
    texts = pl.Series([_to_text(record) for record, _ in rejected], dtype=pl.String)
    reasons = pl.Series(
        [[repeated] if fits else _list_reasons(table, record) for record, fits in rejected], dtype=pl.List(pl.String)
    )
    # exploded here, so that a record with many reasons is in memory only once
    return _make_rows(table, page, pl.DataFrame({"reason": reasons, "record": texts}).explode("reason"))


def quarantine_large_records(table: type[Table], page: Page, records: Sequence[bytes], limit: int) -> pl.DataFrame:
    """Make a row of the beginning of each record, which has more bytes than the `limit`."""
    reason = f"the record is larger than the {limit:,} bytes that COUPONTOOLS_MAX_RECORD_BYTES allows"
    rows = [(_reason_if_cut(reason, len(record)), _to_text(record[:MAX_BYTES_KEPT])) for record in records]
    return _make_rows(table, page, pl.DataFrame(rows, _REASONS, orient="row"))


def quarantine_answer(table: type[Table], slice_: Slice, error: UnreadableError) -> pl.DataFrame:
    """Make a row from what is kept of an answer that could not be read."""
    row = (_reason_if_cut(str(error), error.size), _to_text(error.body))
    page = Page(slice_, error.page, NO_RECORDS, utc_now())
    return _make_rows(table, page, pl.DataFrame([row], _REASONS, orient="row"))


_REASONS = {"reason": pl.String, "record": pl.String}


def _to_text(record: bytes) -> str:
    return record.decode("utf-8", "backslashreplace")


def _reason_if_cut(reason: str, size: int) -> str:
    """Return the reason, and how many of `size` bytes are kept if not all are."""
    return reason if size <= MAX_BYTES_KEPT else f"{reason} (only {MAX_BYTES_KEPT:,} of {size:,} bytes are kept)"


def _list_reasons(table: type[Table], record: bytes) -> list[str]:
    try:
        return table.reasons(decode_record(record)) or ["a value that its column cannot hold unchanged"]
    except IllegibleError as error:
        return [str(error)]


def _make_rows(table: type[Table], page: Page, reasons: pl.DataFrame) -> pl.DataFrame:
    """Add to reasons and records the columns that say from where they are."""
    slice_ = page.slice_
    return reasons.select(
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
