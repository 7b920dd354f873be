"""From the API into a batch: reads slices side by side, normalises their pages, and keeps count."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

import polars as pl

from assets.ingest.personal_data import told
from assets.ingest.progress import ProgressLog
from assets.normalise.normalise import Normalised, normalise_page, unreadable
from assets.tables.table import Table
from resources.coupontools.client import Client, Traffic
from resources.coupontools.errors import LimitError, NotAvailableError, ParentNotFoundError, UnreadableError
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.pages import PageReader, Reads, SliceResult, Taken
from resources.coupontools.requests import Slice
from resources.printable import make_printable
from resources.warehouse.batch import Batch, CompletedSlice
from resources.warehouse.deletions import CompleteParentList, CompleteRead

ACCEPT_COUNTS = (
    "If the API counts wrong: coupontools export --accept-counts, in Dagster resources: {coupontools: {config: "
    "{accept_counts: true}}} in the config of a run, or COUPONTOOLS_ACCEPT_COUNTS=true for good."
)
"""What a person can do about lists that give fewer records than the API announces, and that are whole all the same."""


MAX_NEW_FIELDS = 1_000
"""So many undeclared fields are noted of a table; there is no end to those that have data in their names."""


@dataclass(frozen=True)
class Read:
    """A slice to be read, and the column values that come from the request and not from its records.

    `covers` are slices that need not be read once this one was, because it holds all of theirs.
    """

    slice_: Slice
    given: Mapping[str, str] = field(default_factory=dict)
    covers: Sequence[Slice] = ()


@dataclass
class ExtractionReport:
    """What reading a table brought.

    `resumed` counts the slices that a dead run had already read, `parents` what all slices hang on, `outside` the
    records that lie outside the window. `places` are the keys under which records were found. `gone` are parents that
    the API says are no longer there, `missing` those for which it answers that there is nothing. `moved` are the
    slices that changed while they were read, with `recovered` records that only showed when they were read again;
    `whole` what was read so that nothing of it can have been missed; `ended_by_hint` counts the lists whose end was
    taken from a very short page. `announced` is how many records the API said there are, where it said so. `short`,
    `absent` and `unreadable` are messages: of lists that gave fewer, of parts that the account does not have, and of
    answers in no known shape.
    """

    traffic: Traffic
    slices: int
    resumed: int = 0
    finished: int = 0
    parents: int = 0
    parents_finished: int = 0
    outside: int = 0
    records_by_page: list[int] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    new_fields: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    recovered: int = 0
    ended_by_hint: int = 0
    whole: list[CompleteRead | CompleteParentList] = field(default_factory=list)
    announced: int = 0
    short: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def records(self) -> int:
        """How many records were read so far."""
        return sum(self.records_by_page)


async def extract(
    client: Client,
    reads: Sequence[Read],
    table: type[Table],
    batch: Batch,
    log: logging.Logger,
    dated: str | None = None,
    complete: Callable[[Page], Page] | None = None,
    parents: str = "",
) -> ExtractionReport:
    """Read all slices into the batch, save those that it already holds.

    `dated` names the column by which records outside a slice's window are left out, where the API does not do that;
    `complete` adds to a page what is known from elsewhere; `parents` says in the news what the slices hang on.
    A slice whose parent is gone is skipped and reported; of one that cannot be read, the answer goes to quarantine.
    Raises the first other CoupontoolsError; the slices that were complete by then stay in the batch.
    """
    known = known_slices(batch)
    unread_slices = [read for read in reads if identity(read.slice_) not in known]
    report = ExtractionReport(client.traffic, len(reads), resumed=len(reads) - len(unread_slices))
    work = _Work(
        PageReader(client),
        table,
        batch,
        report,
        log,
        dated,
        complete,
        client.accepts_counts,
        client.limits.max_record_bytes,
    )
    waiting, news = iter(unread_slices), ProgressLog(table.TABLE, parents, log)
    ahead = Counter(read.slice_.parent for read in unread_slices)
    report.parents = len({read.slice_.parent for read in reads})
    report.parents_finished = report.parents - len(ahead)

    async def go_on() -> None:
        for read in waiting:
            await work.read(read)
            ahead[read.slice_.parent] -= 1
            report.parents_finished += not ahead[read.slice_.parent]
            news.tell(report)

    try:
        await gather(go_on() for _ in range(min(client.pages_at_once, len(unread_slices))))
    finally:
        await asyncio.to_thread(batch.flush)
    given = {identity(read.slice_): read.given for read in reads}
    report.whole += [
        CompleteRead(datetime.fromisoformat(done.whole_at), given[_identity_of(done)])
        for done in batch.slices
        if done.whole_at and _identity_of(done) in given
    ]
    report.seconds = news.elapsed()
    news.tell(report, at_once=True)
    return report


@dataclass
class _Refused:
    """How many records of a slice its table could not take, out of how many, and whether some have no readable key."""

    records: int = 0
    of: int = 0
    has_keyless: bool = False

    def note(self, records: int, keys: pl.DataFrame) -> None:
        """Add those of a page."""
        self.records += records
        self.has_keyless |= any(keys.null_count().row(0))


@dataclass(frozen=True)
class _Work:
    """What all slices of one table share while they are read."""

    reader: PageReader
    table: type[Table]
    batch: Batch
    report: ExtractionReport
    log: logging.Logger
    dated: str | None
    complete: Callable[[Page], Page] | None
    accepts_counts: bool
    max_record_bytes: int

    async def read(self, read: Read) -> None:
        """Read a slice to its end, or put down why that cannot be."""
        refused = _Refused()
        complete, reading, whole_at = True, SliceResult(0, None), None
        begun_at = datetime.now(UTC).replace(tzinfo=None).isoformat()
        try:
            reads = Reads(
                partial(normalise_page, self.table, read.given, self.complete, self.max_record_bytes),
                partial(self._take, read.slice_, refused),
            )
            reading = await self.reader.read(read.slice_, reads)
            self.report.ended_by_hint += reading.is_end_a_hint
            self._tell_moves(read.slice_, reading)
            complete = self._holds_all(read.slice_, reading)
            whole_at = begun_at if complete and _can_have_missed_nothing(read.slice_, reading, refused) else None
        except ParentNotFoundError as error:
            self.log.warning("%s It was skipped.", error)
            (self.report.gone if error.told else self.report.missing).append(str(read.slice_.parent))
            return
        except NotAvailableError as error:
            self.log.warning("%s The table %s has nothing of it.", error, self.table.TABLE)
            self.report.absent.append(str(error))
        except LimitError as error:
            self.log.warning("%s", error)
            self.report.unreadable.append(str(error))
            complete, reading = False, SliceResult(refused.of, None)
        except UnreadableError as error:
            self.log.warning("%s", error)
            keep_unreadable_answer(self.batch, self.report, self.table, read.slice_, error)
            complete, reading = False, SliceResult(1, None)
            refused.records += 1
        counts = reading.records, refused.records, reading.announced
        done = CompletedSlice(*identity(read.slice_), *counts, complete, whole_at)
        covered = [CompletedSlice(*identity(slice_), 0, 0, None) for slice_ in read.covers] if complete else []
        await asyncio.to_thread(self.batch.complete, done, *covered)
        self.report.finished += 1

    def _tell_moves(self, slice_: Slice, reading: SliceResult) -> None:
        if reading.at_rest and not reading.recovered:
            return
        self.report.moved.append(str(slice_))
        self.report.recovered += reading.recovered
        end = "" if reading.at_rest else " It still moves; what comes to it is left to the next run."
        self.log.warning(
            f"{slice_} changed while it was read: it was read {reading.passes} times, and {reading.recovered:,} "
            f"records showed only then.{end}"
        )

    def _holds_all(self, slice_: Slice, reading: SliceResult) -> bool:
        """Whether as many records came as the API announces, or a person has said that it counts wrong.

        A list without days that gives fewer fails its table: it may page in a way that is not known.
        """
        self.report.announced += reading.announced or 0
        if reading.holds_all_announced:
            return True
        message = f"The API announces {reading.announced:,} records for {slice_}, but gives {reading.records:,}."
        self.log.warning(message)
        if slice_.endpoint.windowed or self.accepts_counts:
            self.report.short.append(message)
        else:
            self.report.unreadable.append(
                f"{message} Choose the other version with COUPONTOOLS_API_VERSIONS. {ACCEPT_COUNTS}"
            )
        return self.accepts_counts

    def _take(self, slice_: Slice, refused: "_Refused", found: tuple[Normalised, str]) -> Taken:
        page, place = found
        rows, rejected = page.rows, page.rejected

        def keep(new: pl.Series | None) -> None:
            if new is None:
                refused.of += page.records
                refused.note(page.refused, page.refused_keys)
                self.batch.add(self._inside(rows, slice_), rejected, page.refused_keys)
                self._count(page, place)
            elif new.any():
                newly_rejected = rejected.filter(new.tail(len(rejected)))
                refused.note(newly_rejected["record"].n_unique(), page.refused_keys)
                newly_taken = self._inside(rows.filter(new.head(len(rows))), slice_)
                self.batch.add(newly_taken, newly_rejected, page.refused_keys)

        return Taken(page.records + page.copies, page.hashes, self._is_before(rows, slice_), keep)

    def _inside(self, rows: pl.DataFrame, slice_: Slice) -> pl.DataFrame:
        """The rows that belong to the slice's window, or to none."""
        if not (self.dated and slice_.start and slice_.end):
            return rows
        day = pl.col(self.dated).dt.date()
        inside = rows.filter(day.is_null() | day.is_between(slice_.start, slice_.end))
        self.report.outside += len(rows) - len(inside)
        return inside

    def _is_before(self, rows: pl.DataFrame, slice_: Slice) -> bool:
        if not (self.dated and slice_.start and len(rows)):
            return False
        return bool((rows[self.dated].dt.date() < slice_.start).fill_null(value=False).all())

    def _count(self, page: Normalised, place: str) -> None:
        report = self.report
        report.records_by_page.append(page.records)
        if len(report.new_fields) < MAX_NEW_FIELDS:
            report.new_fields.update(told(page.new_fields))
        if page.records:
            report.places.add(make_printable(place) or "a bare list")


def _can_have_missed_nothing(slice_: Slice, reading: SliceResult, refused: _Refused) -> bool:
    """Whether what a read that holds all did not bring is no longer there."""
    return slice_.start is None and not slice_.endpoint.hides and not refused.has_keyless and reading.at_rest


def keep_unreadable_answer(
    batch: Batch, report: ExtractionReport, table: type[Table], slice_: Slice, error: UnreadableError
) -> None:
    """Keep an answer that could not be read, whole, for quarantine."""
    batch.add(table.schema_of_frames().to_frame(), unreadable(table, slice_, error))
    report.unreadable.append(f"{error} What came is kept in the table quarantine.")


Identity: TypeAlias = tuple[str, str | None, str | None, str | None]
"""What a slice is known by in a batch: path, parent, first and last day."""


def known_slices(batch: Batch) -> set[Identity]:
    """The slices that a batch holds, or has held until they were merged."""
    return {_identity_of(done) for done in (*batch.slices, *batch.merged)}


def identity(slice_: Slice) -> Identity:
    """What a slice is known by in a batch."""
    start, end = (day.isoformat() if day else None for day in (slice_.start, slice_.end))
    return slice_.endpoint.path, slice_.parent, start, end


def _identity_of(done: CompletedSlice) -> Identity:
    return done.endpoint, done.parent, done.start, done.end
