"""From the API into a batch: reads units side by side, normalises their pages, and keeps count."""

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
from assets.ingest.progress import News
from assets.normalise.normalise import Normalised, normalised, unreadable
from assets.tables.table import Table
from resources.coupontools.client import Client, Traffic
from resources.coupontools.errors import AbsentError, GoneError, LimitError, UnreadableError
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.pages import Reader, Reading, Reads, Taken
from resources.coupontools.requests import Unit
from resources.printable import harmless
from resources.warehouse.batch import Batch, UnitDone
from resources.warehouse.deletions import WholeList, WholeRead

ACCEPT_COUNTS = (
    "If the API counts wrong: coupontools export --accept-counts, in Dagster resources: {coupontools: {config: "
    "{accept_counts: true}}} in the config of a run, or COUPONTOOLS_ACCEPT_COUNTS=true for good."
)
"""What a person can do about lists that give fewer records than the API announces, and that are whole all the same."""


MAX_NEW_FIELDS = 1_000
"""So many undeclared fields are noted of a table; there is no end to those that have data in their names."""


@dataclass(frozen=True)
class Read:
    """A unit to be read, and the column values that come from the request and not from its records.

    `covers` are units that need not be read once this one was, because it holds all of theirs.
    """

    unit: Unit
    given: Mapping[str, str] = field(default_factory=dict)
    covers: Sequence[Unit] = ()


@dataclass
class Extraction:
    """What reading a table brought.

    `resumed` counts the units that a dead run had already read, `parents` what all units hang on, `outside` the
    records that lie outside the window. `places` are the keys under which records were found. `gone` are parents that
    the API says are no longer there, `missing` those for which it answers that there is nothing. `moved` are the
    units that changed while they were read, with `recovered` records that only showed when they were read again;
    `whole` what was read so that nothing of it can have been missed; `ended_by_hint` counts the lists whose end was
    taken from a very short page. `announced` is how many records the API said there are, where it said so. `short`,
    `absent` and `unreadable` are messages: of lists that gave fewer, of parts that the account does not have, and of
    answers in no known shape.
    """

    traffic: Traffic
    units: int
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
    whole: list[WholeRead | WholeList] = field(default_factory=list)
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
) -> Extraction:
    """Read all units into the batch, save those that it already holds.

    `dated` names the column by which records outside a unit's window are left out, where the API does not do that;
    `complete` adds to a page what is known from elsewhere; `parents` says in the news what the units hang on.
    A unit whose parent is gone is skipped and reported; of one that cannot be read, the answer goes to quarantine.
    Raises the first other CoupontoolsError; the units that were complete by then stay in the batch.
    """
    known = known_units(batch)
    open_reads = [read for read in reads if identity(read.unit) not in known]
    extraction = Extraction(client.traffic, len(reads), resumed=len(reads) - len(open_reads))
    work = _Work(
        Reader(client),
        table,
        batch,
        extraction,
        log,
        dated,
        complete,
        client.accepts_counts,
        client.limits.max_record_bytes,
    )
    waiting, news = iter(open_reads), News(table.TABLE, parents, log)
    ahead = Counter(read.unit.parent for read in open_reads)
    extraction.parents = len({read.unit.parent for read in reads})
    extraction.parents_finished = extraction.parents - len(ahead)

    async def go_on() -> None:
        for read in waiting:
            await work.read(read)
            ahead[read.unit.parent] -= 1
            extraction.parents_finished += not ahead[read.unit.parent]
            news.tell(extraction)

    try:
        await gather(go_on() for _ in range(min(client.pages_at_once, len(open_reads))))
    finally:
        await asyncio.to_thread(batch.flush)
    given = {identity(read.unit): read.given for read in reads}
    extraction.whole += [
        WholeRead(datetime.fromisoformat(done.whole_at), given[_identity_of(done)])
        for done in batch.units
        if done.whole_at and _identity_of(done) in given
    ]
    extraction.seconds = news.elapsed()
    news.tell(extraction, at_once=True)
    return extraction


@dataclass
class _Refused:
    """How many records of a unit its table could not take, out of how many, and whether some have no key to be read."""

    records: int = 0
    of: int = 0
    has_keyless: bool = False

    def note(self, records: int, keys: pl.DataFrame) -> None:
        """Add those of a page."""
        self.records += records
        self.has_keyless |= any(keys.null_count().row(0))


@dataclass(frozen=True)
class _Work:
    """What all units of one table share while they are read."""

    reader: Reader
    table: type[Table]
    batch: Batch
    extraction: Extraction
    log: logging.Logger
    dated: str | None
    complete: Callable[[Page], Page] | None
    accepts_counts: bool
    max_record_bytes: int

    async def read(self, read: Read) -> None:
        """Read a unit to its end, or put down why that cannot be."""
        refused = _Refused()
        complete, reading, whole_at = True, Reading(0, None), None
        begun_at = datetime.now(UTC).replace(tzinfo=None).isoformat()
        try:
            reads = Reads(
                partial(normalised, self.table, read.given, self.complete, self.max_record_bytes),
                partial(self._take, read.unit, refused),
            )
            reading = await self.reader.read(read.unit, reads)
            self.extraction.ended_by_hint += reading.is_end_a_hint
            self._tell_moves(read.unit, reading)
            complete = self._holds_all(read.unit, reading)
            whole_at = begun_at if complete and _can_have_missed_nothing(read.unit, reading, refused) else None
        except GoneError as error:
            self.log.warning("%s It was skipped.", error)
            (self.extraction.gone if error.told else self.extraction.missing).append(str(read.unit.parent))
            return
        except AbsentError as error:
            self.log.warning("%s The table %s has nothing of it.", error, self.table.TABLE)
            self.extraction.absent.append(str(error))
        except LimitError as error:
            self.log.warning("%s", error)
            self.extraction.unreadable.append(str(error))
            complete, reading = False, Reading(refused.of, None)
        except UnreadableError as error:
            self.log.warning("%s", error)
            put_away(self.batch, self.extraction, self.table, read.unit, error)
            complete, reading = False, Reading(1, None)
            refused.records += 1
        counts = reading.records, refused.records, reading.announced
        done = UnitDone(*identity(read.unit), *counts, complete, whole_at)
        covered = [UnitDone(*identity(unit), 0, 0, None) for unit in read.covers] if complete else []
        await asyncio.to_thread(self.batch.complete, done, *covered)
        self.extraction.finished += 1

    def _tell_moves(self, unit: Unit, reading: Reading) -> None:
        if reading.at_rest and not reading.recovered:
            return
        self.extraction.moved.append(str(unit))
        self.extraction.recovered += reading.recovered
        end = "" if reading.at_rest else " It still moves; what comes to it is left to the next run."
        self.log.warning(
            f"{unit} changed while it was read: it was read {reading.passes} times, and {reading.recovered:,} records "
            f"showed only then.{end}"
        )

    def _holds_all(self, unit: Unit, reading: Reading) -> bool:
        """Whether as many records came as the API announces, or a person has said that it counts wrong.

        A list without days that gives fewer fails its table: it may page in a way that is not known.
        """
        self.extraction.announced += reading.announced or 0
        if reading.holds_all_announced:
            return True
        message = f"The API announces {reading.announced:,} records for {unit}, but gives {reading.records:,}."
        self.log.warning(message)
        if unit.endpoint.windowed or self.accepts_counts:
            self.extraction.short.append(message)
        else:
            self.extraction.unreadable.append(
                f"{message} Choose the other version with COUPONTOOLS_API_VERSIONS. {ACCEPT_COUNTS}"
            )
        return self.accepts_counts

    def _take(self, unit: Unit, refused: "_Refused", found: tuple[Normalised, str]) -> Taken:
        page, place = found
        rows, rejected = page.rows, page.rejected

        def keep(new: pl.Series | None) -> None:
            if new is None:
                refused.of += page.records
                refused.note(page.refused, page.refused_keys)
                self.batch.add(self._inside(rows, unit), rejected, page.refused_keys)
                self._count(page, place)
            elif new.any():
                newly_rejected = rejected.filter(new.tail(len(rejected)))
                refused.note(newly_rejected["record"].n_unique(), page.refused_keys)
                newly_taken = self._inside(rows.filter(new.head(len(rows))), unit)
                self.batch.add(newly_taken, newly_rejected, page.refused_keys)

        return Taken(page.records + page.copies, page.hashes, self._is_before(rows, unit), keep)

    def _inside(self, rows: pl.DataFrame, unit: Unit) -> pl.DataFrame:
        """The rows that belong to the unit's window, or to none."""
        if not (self.dated and unit.start and unit.end):
            return rows
        day = pl.col(self.dated).dt.date()
        inside = rows.filter(day.is_null() | day.is_between(unit.start, unit.end))
        self.extraction.outside += len(rows) - len(inside)
        return inside

    def _is_before(self, rows: pl.DataFrame, unit: Unit) -> bool:
        if not (self.dated and unit.start and len(rows)):
            return False
        return bool((rows[self.dated].dt.date() < unit.start).fill_null(value=False).all())

    def _count(self, page: Normalised, place: str) -> None:
        extraction = self.extraction
        extraction.records_by_page.append(page.records)
        if len(extraction.new_fields) < MAX_NEW_FIELDS:
            extraction.new_fields.update(told(page.new_fields))
        if page.records:
            extraction.places.add(harmless(place) or "a bare list")


def _can_have_missed_nothing(unit: Unit, reading: Reading, refused: _Refused) -> bool:
    """Whether what a read that holds all did not bring is no longer there."""
    return unit.start is None and not unit.endpoint.hides and not refused.has_keyless and reading.at_rest


def put_away(batch: Batch, extraction: Extraction, table: type[Table], unit: Unit, error: UnreadableError) -> None:
    """Keep an answer that could not be read, whole, for quarantine."""
    batch.add(table.schema_of_frames().to_frame(), unreadable(table, unit, error))
    extraction.unreadable.append(f"{error} What came is kept in the table quarantine.")


Identity: TypeAlias = tuple[str, str | None, str | None, str | None]
"""What a unit is known by in a batch: path, parent, first and last day."""


def known_units(batch: Batch) -> set[Identity]:
    """The units that a batch holds, or has held until they were merged."""
    return {_identity_of(done) for done in (*batch.units, *batch.merged)}


def identity(unit: Unit) -> Identity:
    """What a unit is known by in a batch."""
    start, end = (day.isoformat() if day else None for day in (unit.start, unit.end))
    return unit.endpoint.path, unit.parent, start, end


def _identity_of(done: UnitDone) -> Identity:
    return done.endpoint, done.parent, done.start, done.end
