"""Extracts slices of the API into a batch: reads them concurrently, normalises their pages, and counts."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import polars as pl

from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.personal_data import printable_names
from assets.ingest.progress import ProgressLog
from assets.ingest.table_run import TableRun
from assets.normalise.normalise import NormalisedPage, PageNormaliser, day_column
from resources.coupontools.errors import LimitError, NotAvailableError, ParentNotFoundError, UnreadableError
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.pages import PageReader, SliceResult
from resources.coupontools.requests import Slice
from resources.printable import make_printable
from resources.utc import utc_now
from resources.warehouse.batch import Batch, CompletedSlice, SliceKey
from resources.warehouse.deletions import CompleteRead

ACCEPT_COUNTS = (
    "If the API counts wrong: coupontools export --accept-counts, in Dagster resources: {coupontools: {config: "
    "{accept_counts: true}}} in the config of a run, or COUPONTOOLS_ACCEPT_COUNTS=true permanently."
)
"""What a person can do about lists that give fewer records than the API announces, although they hold all of them."""

MAX_NEW_FIELDS = 1_000
"""The most undeclared fields that are reported for a table; where names hold data, there may be any number."""


async def extract_lists(run: TableRun) -> ExtractionReport:
    """Read the lists that a table's Source names. Raises CoupontoolsError as `extract` does."""
    endpoints, source = run.client.endpoints, run.source
    slices = [Slice(endpoints[part], constants=source.constants.get(part, {})) for part in source.parts]
    return await extract(run, slices)


async def extract(
    run: TableRun,
    slices: Sequence[Slice],
    *,
    complete_page: Callable[[Page], Page] | None = None,
    left_out: Collection[str] = (),
    parents: str = "",
) -> ExtractionReport:
    """Read the slices into the run's batch, except those that it already holds.

    `complete_page` adds to a page what is known from elsewhere (it may raise ShapeError); rows of `left_out` ids are
    counted but not stored; `parents` is the name of what the slices belong to, for the log. A slice whose parent was
    deleted is skipped and reported; if a slice cannot be read, its answer goes to quarantine.

    Raises the first other CoupontoolsError; the slices that were complete by then stay in the batch.
    """
    known = run.batch.known_slices
    unread = [slice_ for slice_ in slices if slice_key(slice_) not in known]
    report = ExtractionReport(run.client.traffic, len(slices), resumed=len(slices) - len(unread))
    normaliser = PageNormaliser(run.table, run.client.limits.max_record_bytes)
    extraction = _Extraction(run, report, PageReader(run.client), normaliser, complete_page, left_out)
    waiting, progress = iter(unread), ProgressLog(run.table.TABLE, parents, run.log)
    unread_of_parent = Counter(slice_.parent for slice_ in unread)
    report.parents = len({slice_.parent for slice_ in slices})
    report.parents_finished = report.parents - len(unread_of_parent)

    async def read_next() -> None:
        for slice_ in waiting:
            await extraction.read(slice_)
            unread_of_parent[slice_.parent] -= 1
            report.parents_finished += not unread_of_parent[slice_.parent]
            progress.log(report)

    try:
        await gather(read_next() for _ in range(min(run.client.pages_at_once, len(unread))))
    finally:
        await asyncio.to_thread(run.batch.flush)
    report.complete_reads += _complete_reads(run.batch, slices)
    report.seconds = progress.elapsed()
    progress.log(report, at_once=True)
    return report


def _complete_reads(batch: Batch, slices: Sequence[Slice]) -> list[CompleteRead]:
    """Return the complete reads among the slices of a batch, including slices that a dead run has read."""
    constants = {slice_key(slice_): slice_.constants for slice_ in slices}
    return [
        CompleteRead(datetime.fromisoformat(completed.complete_as_of), constants[completed.key])
        for completed in batch.slices
        if completed.complete_as_of and completed.key in constants
    ]


@dataclass
class _SliceCounts:
    """Counts of one slice: its records, and those that do not fit its table."""

    records: int = 0
    rejected: int = 0
    has_keyless: bool = False
    """Whether the key of a rejected record cannot be read."""
    hashes: set[int] = field(default_factory=set)
    """The hashes of the rejected records: one that has moved to another page is not counted again."""

    def take_new(self, page: NormalisedPage, new: pl.Series | None) -> pl.DataFrame:
        """Note the rejected records of a page, and return the rows of those that no other page had.

        `new` says which records of the page no earlier pass has read, None that there was none.
        """
        rejected = page.rejected if new is None else page.rejected.filter(new.tail(len(page.rejected)))
        hashes = rejected["record"].hash().to_list()
        taken = rejected.filter([number not in self.hashes for number in hashes])
        self.hashes.update(hashes)
        self.rejected += taken["record"].n_unique()
        self.has_keyless |= page.keyless > 0
        return taken


@dataclass(frozen=True)
class _Extraction:
    """What all slices of one table share while they are read."""

    run: TableRun
    report: ExtractionReport
    reader: PageReader
    normaliser: PageNormaliser
    complete_page: Callable[[Page], Page] | None
    left_out: Collection[str]
    counting: threading.Lock = field(default_factory=threading.Lock)
    """Held while what is counted of a page is added, as threads store pages side by side."""

    async def read(self, slice_: Slice) -> None:
        """Read a slice to its end and note it as complete, or report why it cannot be read."""
        counts = _SliceCounts()
        try:
            completed = await self._read_to_end(slice_, counts)
        except ParentNotFoundError as error:
            self.run.log.warning("%s It was skipped.", error)
            parents = self.report.deleted if error.confirmed else self.report.not_found
            parents.append(str(slice_.parent))
            return
        except NotAvailableError as error:
            self.run.log.warning("%s The table %s has nothing of it.", error, self.run.table.TABLE)
            self.report.not_available.append(str(error))
            completed = CompletedSlice(slice_key(slice_), 0, counts.rejected)
        except LimitError as error:
            self.run.log.warning("%s", error)
            self.report.unreadable.append(str(error))
            completed = CompletedSlice(slice_key(slice_), counts.records, counts.rejected, is_complete=False)
        except UnreadableError as error:
            self.run.log.warning("%s", error)
            store_unreadable_answer(self.run, self.report, slice_, error)
            completed = CompletedSlice(slice_key(slice_), 1, counts.rejected + 1, is_complete=False)
        covered = map(CompletedSlice, map(slice_key, slice_.covers)) if completed.is_complete else ()
        await asyncio.to_thread(self.run.batch.complete, completed, *covered)
        self.report.finished += 1

    async def _read_to_end(self, slice_: Slice, counts: _SliceCounts) -> CompletedSlice:
        moments = [utc_now()]

        def decode(page: Page) -> NormalisedPage:
            moments.append(page.requested_at)
            return self._decode(page)

        result = await self.reader.read_pages(slice_, decode, partial(self._store, slice_, counts))
        self.report.ended_by_short_page += result.ended_by_short_page
        self._note_changes(slice_, result)
        is_complete = self._holds_all_announced(slice_, result)
        can_have_missed = not is_complete or _can_have_missed_some(slice_, result, counts)
        return CompletedSlice(
            slice_key(slice_),
            result.records,
            counts.rejected,
            result.announced,
            is_complete,
            # the earliest: after a clock was set back, rows of this read are dated before its start
            None if can_have_missed else min(moments).isoformat(),
        )

    def _decode(self, page: Page) -> NormalisedPage:
        return self.normaliser.normalise(self.complete_page(page) if self.complete_page else page)

    def _store(self, slice_: Slice, counts: _SliceCounts, page: NormalisedPage, new: pl.Series | None) -> None:
        """Add a page to the batch, or only its `new` records if it was read again."""
        with self.counting:
            rejected = counts.take_new(page, new)
            if new is None:
                self._count(page, counts)
        rows = page.rows if new is None else page.rows.filter(new.head(len(page.rows)))
        if new is None or new.any():
            self.run.store(self._rows_to_store(rows, slice_), rejected, page.rejected_keys)

    def _rows_to_store(self, rows: pl.DataFrame, slice_: Slice) -> pl.DataFrame:
        """Return the rows inside the slice's days, without those of ids that are left out."""
        inside = self._inside_window(rows, slice_)
        if not self.left_out:
            return inside
        (key,) = self.run.table.KEY
        return inside.filter(~pl.col(key).is_in(list(self.left_out)))

    def _inside_window(self, rows: pl.DataFrame, slice_: Slice) -> pl.DataFrame:
        """Return the rows that are dated within the slice's days, or not dated."""
        column = day_column(self.run.table, slice_)
        if column is None or slice_.end is None:
            return rows
        day = pl.col(column).dt.date()
        inside = rows.filter(day.is_null() | day.is_between(slice_.start, slice_.end))
        with self.counting:
            self.report.outside_window += len(rows) - len(inside)
        return inside

    def _count(self, page: NormalisedPage, counts: _SliceCounts) -> None:
        report, records = self.report, page.records - page.copies
        counts.records += records
        report.records += records
        if len(report.new_fields) < MAX_NEW_FIELDS:
            report.new_fields.update(printable_names(page.new_fields))
        if page.records:
            report.records_keys.add(make_printable(page.records_key) or "a bare list")

    def _note_changes(self, slice_: Slice, result: SliceResult) -> None:
        """Report a slice that changed while it was read."""
        if result.is_stable and not result.recovered:
            return
        self.report.unstable.append(str(slice_))
        self.report.recovered += result.recovered
        end = "" if result.is_stable else " It is still changing; the next run reads the rest."
        self.run.log.warning(
            f"{slice_} changed while it was read: it was read {result.passes} times, which found {result.recovered:,} "
            f"more records.{end}"
        )

    def _holds_all_announced(self, slice_: Slice, result: SliceResult) -> bool:
        """Whether as many records came as the API announces, or a person has said that it counts wrong.

        A list without days that gives fewer records fails its table, as its paging may not be understood.
        """
        self.report.announced += result.announced or 0
        if result.holds_all_announced:
            return True
        message = f"The API announces {result.announced:,} records for {slice_}, but gives {result.records:,}."
        self.run.log.warning(message)
        accepts_counts = self.run.client.accepts_counts
        if slice_.endpoint.windowed or accepts_counts:
            self.report.incomplete.append(message)
        else:
            self.report.unreadable.append(
                f"{message} Choose the other version with COUPONTOOLS_API_VERSIONS. {ACCEPT_COUNTS}"
            )
        return accepts_counts


def _can_have_missed_some(slice_: Slice, result: SliceResult, counts: _SliceCounts) -> bool:
    """Return whether a record may be in the account although the read of its slice did not return it."""
    is_partial = slice_.start is not None or slice_.endpoint.may_hide_records
    return is_partial or counts.has_keyless or not result.is_stable


def store_unreadable_answer(run: TableRun, report: ExtractionReport, slice_: Slice, error: UnreadableError) -> None:
    """Keep an answer that could not be read in quarantine, and report it."""
    run.store_unreadable_answer(slice_, error)
    report.unreadable.append(f"{error} What came is kept in the table quarantine.")


def slice_key(slice_: Slice) -> SliceKey:
    """Return what identifies a slice in a batch."""
    start, end = (day.isoformat() if day else None for day in (slice_.start, slice_.end))
    return SliceKey(slice_.endpoint.path, slice_.parent, start, end)
