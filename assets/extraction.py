"""From the API into a batch: reads units side by side, normalises their pages, and keeps count."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dagster as dg
import msgspec
import polars as pl

from assets.normalise import identifiers, normalise
from assets.tables.table import Table
from resources.coupontools.client import Client, Traffic
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.envelope import ShapeError
from resources.coupontools.errors import AccountError, CoupontoolsError, GoneError
from resources.coupontools.paging import Page, Reader, Taken, Unit, together
from resources.settings import SettingsError
from resources.warehouse.batch import Batch, UnitDone
from resources.warehouse.errors import WarehouseError

SECONDS_BETWEEN_NEWS = 5.0


@dataclass
class Extraction:
    """What reading a table brought; `resumed` counts the units that a dead run had already read."""

    traffic: Traffic
    units: int
    resumed: int = 0
    finished: int = 0
    records_by_page: list[int] = field(default_factory=list)
    new_fields: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def records(self) -> int:
        """How many records were read so far."""
        return sum(self.records_by_page)


@contextmanager
def failing_clearly() -> Iterator[None]:
    """Turn the errors that a person can do something about into a Dagster failure of one line."""
    try:
        yield
    except (SettingsError, AccountError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except (CoupontoolsError, WarehouseError) as error:
        raise dg.Failure(str(error)) from None


async def parents(client: Client, endpoint: Endpoint, table: type[Table]) -> list[str]:
    """The ids of all that `endpoint` lists now, in its order."""
    found: dict[str, None] = {}

    def take(page: Page) -> Taken:
        ids = identifiers(page, table)
        found.update(dict.fromkeys(ids))
        return Taken(len(ids), pl.Series(ids, dtype=pl.String).hash())

    await Reader(client).read(Unit(endpoint), take)
    return list(found)


async def extract(
    client: Client,
    units: Sequence[Unit],
    table: type[Table],
    parent_column: str | None,
    batch: Batch,
    log: logging.Logger,
) -> Extraction:
    """Read all units into the batch, save those that it already holds.

    `parent_column` is the column that gets the id of a unit's parent. A unit whose parent is gone is skipped and
    reported. Raises the first other CoupontoolsError; the units that were complete by then stay in the batch.
    """
    known = {(done.endpoint, done.parent, done.start, done.end) for done in batch.units}
    open_units = [unit for unit in units if _identity(unit) not in known]
    extraction = Extraction(client.traffic, len(units), resumed=len(units) - len(open_units))
    reader, waiting, news = Reader(client), iter(open_units), _News(table.TABLE, log)

    async def work() -> None:
        for unit in waiting:
            await _read_unit(reader, unit, table, parent_column, batch, extraction, log)
            news.tell(extraction)

    try:
        await together(work() for _ in range(min(client.concurrency, len(open_units))))
    finally:
        await asyncio.to_thread(batch.flush)
    extraction.seconds = news.elapsed()
    news.tell(extraction, at_once=True)
    return extraction


async def _read_unit(
    reader: Reader,
    unit: Unit,
    table: type[Table],
    parent_column: str | None,
    batch: Batch,
    extraction: Extraction,
    log: logging.Logger,
) -> None:
    given = {parent_column: unit.parent} if parent_column and unit.parent else {}
    refused: list[int] = []

    def take(page: Page) -> Taken:
        try:
            normalised = normalise(page, table, given)
        except msgspec.DecodeError:
            raise ShapeError("a record list that is no JSON") from None
        batch.add(normalised.rows, normalised.rejected)
        refused.append(normalised.refused)
        extraction.records_by_page.append(normalised.records)
        extraction.new_fields.update(normalised.new_fields)
        accepted = normalised.rows.select(pl.struct(table.KEY).hash()).to_series()
        return Taken(normalised.records, accepted.append(normalised.rejected["record"].hash()))

    try:
        reading = await reader.read(unit, take)
    except GoneError as error:
        log.warning("%s It was skipped.", error)
        extraction.gone.append(str(unit.parent))
        return
    done = UnitDone(*_identity(unit), reading.records, sum(refused), reading.announced)
    await asyncio.to_thread(batch.complete, done)
    extraction.finished += 1


def _identity(unit: Unit) -> tuple[str, str | None, str | None, str | None]:
    start, end = (day.isoformat() if day else None for day in (unit.start, unit.end))
    return unit.endpoint.path, unit.parent, start, end


class _News:
    """Tells from time to time how far a long read has come."""

    def __init__(self, table: str, log: logging.Logger) -> None:
        self._table, self._log = table, log
        self._begun = self._told = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun

    def tell(self, extraction: Extraction, *, at_once: bool = False) -> None:
        """Log how far it is, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._told < SECONDS_BETWEEN_NEWS and not at_once:
            return
        self._told = now
        finished, seconds = extraction.finished, self.elapsed()
        ahead = extraction.units - extraction.resumed - finished
        left = f", about {seconds / finished * ahead:.0f} s left" if finished and not at_once else ""
        self._log.info(
            f"{self._table}: {extraction.resumed + finished:,} of {extraction.units:,} reads, "
            f"{extraction.records:,} records, {extraction.records / seconds:,.0f} a second{left}"
        )
