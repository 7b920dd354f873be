"""From the API into a batch: reads units side by side, normalises their pages, and keeps count."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import polars as pl

from assets.news import News
from assets.normalise import Normalised, normalise, unreadable
from assets.tables.table import Table
from resources.coupontools.client import Client, Traffic
from resources.coupontools.envelope import ShapeError
from resources.coupontools.errors import AbsentError, GoneError, UnreadableError
from resources.coupontools.paging import Page, Reader, Taken, together
from resources.coupontools.questions import Unit
from resources.warehouse.batch import Batch, UnitDone


@dataclass(frozen=True)
class Read:
    """A unit to be read, and the column values that come from the request and not from its records."""

    unit: Unit
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Extraction:
    """What reading a table brought.

    `resumed` counts the units that a dead run had already read, `outside` the records that lie outside the window.
    `places` are the keys under which records were found. `gone` are parents that the API says are no longer there,
    `missing` those for which it answers that there is nothing. `absent` and `unreadable` are messages: of parts that
    the account does not have, and of answers in no known shape.
    """

    traffic: Traffic
    units: int
    resumed: int = 0
    finished: int = 0
    outside: int = 0
    records_by_page: list[int] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    new_fields: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
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
) -> Extraction:
    """Read all units into the batch, save those that it already holds.

    `dated` names the column by which records outside a unit's window are left out, where the API does not do that;
    `complete` adds to a page what is known from elsewhere.
    A unit whose parent is gone is skipped and reported; of one that cannot be read, the answer goes to quarantine.
    Raises the first other CoupontoolsError; the units that were complete by then stay in the batch.
    """
    known = {(done.endpoint, done.parent, done.start, done.end) for done in batch.units}
    open_reads = [read for read in reads if identity(read.unit) not in known]
    extraction = Extraction(client.traffic, len(reads), resumed=len(reads) - len(open_reads))
    work = _Work(Reader(client), table, batch, extraction, log, dated, complete)
    waiting, news = iter(open_reads), News(table.TABLE, log)

    async def go_on() -> None:
        for read in waiting:
            await work.read(read)
            news.tell(extraction)

    try:
        await together(go_on() for _ in range(min(client.concurrency, len(open_reads))))
    finally:
        await asyncio.to_thread(batch.flush)
    extraction.seconds = news.elapsed()
    news.tell(extraction, at_once=True)
    return extraction


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

    async def read(self, read: Read) -> None:
        """Read a unit to its end, or put down why that cannot be."""
        refused: list[int] = []
        complete, records, announced = True, 0, None
        try:
            reading = await self.reader.read(read.unit, lambda page: self._take(page, read.given, refused))
            records, announced = reading.records, reading.announced
            complete = self._holds_all(read.unit, records, announced)
        except GoneError as error:
            self.log.warning("%s It was skipped.", error)
            (self.extraction.gone if error.told else self.extraction.missing).append(str(read.unit.parent))
            return
        except AbsentError as error:
            self.log.warning("%s The table %s has nothing of it.", error, self.table.TABLE)
            self.extraction.absent.append(str(error))
        except UnreadableError as error:
            self.log.warning("%s", error)
            put_away(self.batch, self.extraction, self.table, read.unit, error)
            complete, records = False, 1
            refused.append(1)
        done = UnitDone(*identity(read.unit), records, sum(refused), announced, complete)
        await asyncio.to_thread(self.batch.complete, done)
        self.extraction.finished += 1

    def _holds_all(self, unit: Unit, records: int, announced: int | None) -> bool:
        """Whether as many records came as the API announces; the sessions' amount may mean something else."""
        if announced is None or records >= announced or unit.endpoint.windowed:
            return True
        message = (
            f"The API announces {announced:,} records for {unit}, but gives {records:,}: it pages in a way that is not "
            "known. Choose the other version with COUPONTOOLS_API_VERSIONS."
        )
        self.log.warning(message)
        self.extraction.unreadable.append(message)
        return False

    def _take(self, page: Page, given: Mapping[str, str], refused: list[int]) -> Taken:
        try:
            normalised = normalise(self.complete(page) if self.complete else page, self.table, given)
        except msgspec.DecodeError:
            raise ShapeError from None
        rows, is_before = normalised.rows, False
        if self.dated and page.unit.start and page.unit.end:
            day = pl.col(self.dated).dt.date()
            rows = rows.filter(day.is_null() | day.is_between(page.unit.start, page.unit.end))
            days = normalised.rows[self.dated].dt.date()
            is_before = bool(len(days)) and bool((days < page.unit.start).fill_null(value=False).all())
        accepted = normalised.rows.select(pl.struct(self.table.KEY).hash()).to_series()
        hashes = accepted.append(normalised.rejected["record"].hash())

        def keep() -> None:
            self.batch.add(rows, normalised.rejected)
            refused.append(normalised.refused)
            self._count(page, normalised, len(rows))

        return Taken(normalised.records, hashes, is_before, keep)

    def _count(self, page: Page, normalised: Normalised, inside: int) -> None:
        extraction = self.extraction
        extraction.records_by_page.append(normalised.records)
        extraction.outside += len(normalised.rows) - inside
        extraction.new_fields.update(normalised.new_fields)
        if normalised.records:
            extraction.places.add(page.place or "a bare list")


def put_away(batch: Batch, extraction: Extraction, table: type[Table], unit: Unit, error: UnreadableError) -> None:
    """Keep an answer that could not be read, whole, for quarantine."""
    batch.add(table.schema_of_frames().to_frame(), unreadable(table, unit, error))
    extraction.unreadable.append(f"{error} What came is kept in the table quarantine.")


def identity(unit: Unit) -> tuple[str, str | None, str | None, str | None]:
    """What a unit is known by in a batch: path, parent, first and last day."""
    start, end = (day.isoformat() if day else None for day in (unit.start, unit.end))
    return unit.endpoint.path, unit.parent, start, end
