"""The page loop: every record of one endpoint, campaign and window, whatever the server's page size is.

Nothing documents how a list ends (API facts, section 5.3). A list is at its end after an empty page, a page that
brings no new key, a page that is shorter than another of the same endpoint, as many records as the server
announced, or, past the first page, an error of the 3xx codes. `amount_of_results` may be the total or the size of
the page; it is the total where it is larger than the page, and only then are the other pages read in parallel.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from typing import TypeVar

import polars as pl

from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.envelope import Answer
from resources.coupontools.errors import RequestError

T = TypeVar("T")

MOST_PAGES = 1_000_000
"""A list that goes on past this many pages is taken for a server that turns in a circle."""


@dataclass(frozen=True)
class Unit:
    """What is read as a whole: an endpoint, of one parent and a range of days (UTC, both inclusive) if it has them."""

    endpoint: Endpoint
    parent: str | None = None
    start: date | None = None
    end: date | None = None

    def __str__(self) -> str:
        """What was asked for, for messages."""
        of = f" of {self.endpoint.parent} {self.parent}" if self.parent else ""
        when = f" from {self.start} to {self.end}" if self.start else ""
        return f"{self.endpoint.path}{of}{when}"

    @property
    def parameters(self) -> Mapping[str, str]:
        """The request's parameters, without the page."""
        named = {self.endpoint.parent or "": self.parent, "start_date": self.start, "end_date": self.end}
        return {name: str(value) for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Page:
    """One answer: the JSON array of its records, and when (naive UTC) it was asked for."""

    unit: Unit
    number: int
    records: bytes
    requested_at: datetime


@dataclass(frozen=True)
class Taken:
    """What a taker says of a page: how many records it held, and a hash for each that tells them apart."""

    records: int
    hashes: pl.Series

    def holds_only(self, others: Iterable["Taken"]) -> bool:
        """Whether every record of the page stands on one of the others."""
        return bool(self.hashes.is_in(pl.concat([other.hashes for other in others]).implode()).all())


Taker = Callable[[Page], Taken]
"""Takes a page in a thread; raises ShapeError for one that it cannot read, which is then asked for again."""


@dataclass(frozen=True)
class Reading:
    """How many records a unit held, and how many the server announced where it says so."""

    records: int
    announced: int | None


@dataclass(frozen=True)
class _Seen:
    taken: Taken
    amount: int | None

    @property
    def records(self) -> int:
        return self.taken.records


class Reader:
    """Reads units through a client, page by page."""

    def __init__(self, client: Client) -> None:
        """What is learnt of the server's page sizes is shared by all units of the reader."""
        self._client = client
        self._longest: dict[str, int] = {}
        self._amount_is_total: set[str] = set()

    async def read(self, unit: Unit, take: Taker) -> Reading:
        """Hand every page of the unit to `take`, in no order.

        Raises a CoupontoolsError; GoneError if the parent is no longer there.
        """
        first = await self._page(unit, 1, take)
        size, total, path = first.records, first.amount or 0, unit.endpoint.path
        if not unit.endpoint.paged or size == 0:
            return Reading(size, None)
        if total > size:
            self._amount_is_total.add(path)
            numbers = range(2, ceil(total / size) + 1)
            others = await together(self._page(unit, number, take) for number in numbers)
            found = size + sum(page.records for page in others)
            if found < total:
                found += await self._follow(unit, take, [first, others[-1]], len(others) + 2, short_is_last=False)
            return Reading(found, total)
        if total == size and path in self._amount_is_total:
            return Reading(size, total)
        return Reading(size + await self._follow(unit, take, [first, first], 2, short_is_last=True), None)

    async def _follow(self, unit: Unit, take: Taker, seen: list[_Seen], number: int, *, short_is_last: bool) -> int:
        """Read on from page `number` to the end of the list; `seen` are the first page and the one before."""
        first, previous = seen
        found = 0
        while not (short_is_last and previous.records < self._longest[unit.endpoint.path]):
            page = await self._page(unit, number, take)
            if not page.records or page.taken.holds_only([first.taken, previous.taken]):
                break
            if number > MOST_PAGES:
                raise RequestError(f"The list of {unit} does not end: {MOST_PAGES} pages, and each brings new records.")
            found, previous, number = found + page.records, page, number + 1
        return found

    async def _page(self, unit: Unit, number: int, take: Taker) -> _Seen:
        path, paged = unit.endpoint.path, unit.endpoint.paged
        parameters: dict[str, object] = {**unit.parameters, "page": number} if paged else dict(unit.parameters)

        def decode(answer: Answer, asked_at: datetime) -> _Seen:
            return _Seen(take(Page(unit, number, answer.records, asked_at)), answer.amount)

        try:
            seen = await self._client.read(
                unit.endpoint, parameters, decode, f"{unit}, page {number}" if paged else str(unit)
            )
        except RequestError as error:
            if number > 1 and error.codes and all(300 <= code < 400 for code in error.codes):
                return _Seen(Taken(0, pl.Series(dtype=pl.UInt64)), None)
            raise
        self._longest[path] = max(self._longest.get(path, 0), seen.records)
        return seen


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """Await all at one time, and return their results in order; the first error ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_awaited(each)) for each in work]
    except ExceptionGroup as errors:
        raise _first(errors) from None
    return [task.result() for task in tasks]


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _first(error: Exception) -> Exception:
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error
