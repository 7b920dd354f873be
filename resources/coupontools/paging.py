"""The page loop: every record of one endpoint, campaign and window, whatever the server's page size is.

Nothing documents how a list ends (API facts, section 5.3). A list is at its end after an empty page, a page that
brings no new key, a page that is shorter than another of the same endpoint, as many records as the server
announced, or, past the first page, an error of the 3xx codes. `amount_of_results` may be the total or the size of
the page; it is the total where it is larger than the page, and only then are the other pages read in parallel.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import TypeVar

import polars as pl

from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.envelope import Answer
from resources.coupontools.errors import GoneError, RequestError
from resources.coupontools.questions import Question, Unit

T = TypeVar("T")

MOST_PAGES = 1_000_000
"""A list that goes on past this many pages is taken for a server that turns in a circle."""


@dataclass(frozen=True)
class Page:
    """One answer: the JSON array of its records, and when (naive UTC) it was asked for."""

    unit: Unit
    number: int
    records: bytes
    requested_at: datetime
    place: str = ""
    """The key under which the records were in the answer."""


def _nothing_to_keep() -> None:
    """What there is to do with a page of which its taker wants no more."""


@dataclass(frozen=True)
class Taken:
    """What a taker says of a page.

    How many records it held, a hash for each that tells them apart, and whether all of them lie before the window,
    so that a newest-first list holds nothing more for it. `keep` is called, in a thread, once it is clear that the
    page is not one of the others served again.
    """

    records: int
    hashes: pl.Series
    is_before_window: bool = False
    keep: Callable[[], None] = _nothing_to_keep

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
        first = await self._kept_page(unit, 1, take)
        size, total, path = first.records, first.amount or 0, unit.endpoint.path
        if not unit.endpoint.page or size == 0 or first.taken.is_before_window:
            return Reading(size, None if unit.endpoint.newest_first else first.amount)
        if unit.endpoint.newest_first:
            return Reading(size + await self._follow(unit, take, [first, first], 2, short_is_last=True), None)
        if unit.endpoint.version == "v4":  # how it pages is assumed, so that each page must show that it is another
            found = 0 if total == size else await self._follow(unit, take, [first, first], 2, short_is_last=not total)
            return Reading(size + found, first.amount)
        if total > size:
            self._amount_is_total.add(path)
            numbers = range(2, ceil(total / size) + 1)
            others = await together(self._kept_page(unit, number, take) for number in numbers)
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
            await asyncio.to_thread(page.taken.keep)
            found, previous, number = found + page.records, page, number + 1
            if page.taken.is_before_window:
                break
        return found

    async def _kept_page(self, unit: Unit, number: int, take: Taker) -> _Seen:
        page = await self._page(unit, number, take)
        await asyncio.to_thread(page.taken.keep)
        return page

    async def _page(self, unit: Unit, number: int, take: Taker) -> _Seen:
        path = unit.endpoint.path

        def decode(answer: Answer, asked_at: datetime) -> _Seen:
            return _Seen(take(Page(unit, number, answer.records, asked_at, answer.place)), answer.amount)

        try:
            seen = await self._client.read(Question(unit, number if unit.endpoint.page else None), decode)
        except (RequestError, GoneError) as error:
            if number > 1 and _ends_the_list(error, unit.endpoint):
                return _Seen(Taken(0, pl.Series(dtype=pl.UInt64)), None)
            raise
        self._longest[path] = max(self._longest.get(path, 0), seen.records)
        return seen


def _ends_the_list(error: RequestError | GoneError, endpoint: Endpoint) -> bool:
    """Whether an error past the first page says that there is no such page; v4 has no codes for it."""
    if isinstance(error, RequestError) and error.codes:
        return all(300 <= code < 400 for code in error.codes)
    return endpoint.version == "v4" and not (isinstance(error, GoneError) and error.told)


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
