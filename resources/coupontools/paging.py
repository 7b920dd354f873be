"""The page loop: every record of one endpoint, campaign and window, whatever the server's page size is.

Nothing documents how a list ends (API facts, section 5.3). A list is at its end after an empty page, a page that
brings no new key, a page that is shorter than another of the same endpoint, as many records as the server
announced, or, past the first page, an error of the 3xx codes. `amount_of_results` may be the total or the size of
the page; it is the total where it is larger than the page, and only then are the other pages read in parallel.

A list may change between two of its pages: what is deleted on a page that was read moves a record from the next
page onto it, past the reader. So a list that needed more than one request is read again until that brings nothing
but what was added in the meantime, unless the server's count proves that nothing moved, or the window is a long one
of the past, which would make a first load twice as long; its deletions are found by a complete read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from typing import Any, Generic, TypeVar

import polars as pl

from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.errors import CoupontoolsError, GoneError, RequestError
from resources.coupontools.page import Page, read_page
from resources.coupontools.questions import Question, Unit

T = TypeVar("T")

MOST_PAGES = 1_000_000
"""A list that goes on past this many pages is taken for a server that turns in a circle."""

MOST_PASSES = 10
"""A list that still moves after being read so often is left to the next run."""

LONG_WINDOW = timedelta(days=31)


def _nothing_to_keep(_new: pl.Series | None) -> None:
    """What there is to do with a page of which its taker wants no more."""


@dataclass(frozen=True)
class Taken:
    """What a taker says of a page.

    How many records it held, a hash for each that tells them apart, and whether all of them lie before the window,
    so that a newest-first list holds nothing more for it. `keep` is called, in a thread, once it is clear that the
    page is not one of the others served again; with which of the hashes are new, or None if all of them are.
    """

    records: int
    hashes: pl.Series
    is_before_window: bool = False
    keep: Callable[[pl.Series | None], None] = _nothing_to_keep

    def holds_only(self, others: Iterable["Taken"]) -> bool:
        """Whether every record of the page stands on one of the others."""
        return bool(self.hashes.is_in(pl.concat([other.hashes for other in others]).implode()).all())


@dataclass(frozen=True)
class Reads(Generic[T]):
    """How pages are read.

    `read` makes of a page what is needed of it, in a thread; it raises ShapeError for a page that it cannot read, which
    is then asked for again. `take` says what came of it.
    """

    read: Callable[[Page], T]
    take: Callable[[T], Taken]


@dataclass(frozen=True)
class Reading:
    """What reading a unit to its end came to.

    How many records it held, and how many the server announced where it says so; how often it was read, how many
    records only showed when it was read again, and whether the last pass found the list at rest.
    """

    records: int
    announced: int | None
    passes: int = 1
    recovered: int = 0
    at_rest: bool = True

    @property
    def holds_all_announced(self) -> bool:
        """Whether as many records came as the server announced, if it did."""
        return self.announced is None or self.records >= self.announced


@dataclass(frozen=True)
class _Seen:
    taken: Taken
    amount: int | None

    @property
    def records(self) -> int:
        return self.taken.records


_NO_PAGE = _Seen(Taken(0, pl.Series(dtype=pl.UInt64)), None)
"""What stands past the end of a list."""


class Reader:
    """Reads units through a client, page by page."""

    def __init__(self, client: Client) -> None:
        """What is learnt of the server's page sizes is shared by all units of the reader."""
        self._client = client
        self._longest: dict[str, int] = {}
        self._amount_is_total: set[str] = set()

    async def read(self, unit: Unit, reads: Reads[Any]) -> Reading:
        """Read every page of the unit, in no order.

        Raises a CoupontoolsError; GoneError if the parent is no longer there.
        """
        pages = await self._pass(unit, reads, _Known())
        records, announced = sum(page.records for page in pages), self._announced(unit, pages)
        if len(pages) == 1 or not _may_have_moved(unit, pages, announced):
            return Reading(records, announced)
        known, recovered = _Known(), 0
        for passes in range(2, MOST_PASSES + 1):
            known.add(pages)
            pages = await self._pass(unit, reads, known)
            new = [known.misses(page.taken.hashes) for page in pages]
            found = sum(int(each.sum()) for each in new)
            records, recovered = records + found, recovered + found
            if not _holds_a_gap(pl.concat(new)):
                return Reading(records, announced, passes, recovered)
        return Reading(records, announced, MOST_PASSES, recovered, at_rest=False)

    def _announced(self, unit: Unit, pages: Sequence[_Seen]) -> int | None:
        """The size of the whole list, if the server says so; some say that of the page instead."""
        path = unit.endpoint.path
        is_whole = len(pages) == 1 or unit.endpoint.version == "v4" or path in self._amount_is_total
        if unit.endpoint.newest_first or not is_whole:
            return None
        # what is deleted while the list is read is announced by its first pages alone
        return min((page.amount for page in pages if page.amount is not None and page is not _NO_PAGE), default=None)

    async def _pass(self, unit: Unit, reads: Reads[Any], known: "_Known") -> list[_Seen]:
        """Read the list once, from its first page to its end; an empty or repeated page at the end is among them."""
        first = await self._kept_page(unit, 1, reads, known)
        size, total, path = first.records, first.amount or 0, unit.endpoint.path
        if not unit.endpoint.page or size == 0 or first.taken.is_before_window:
            return [first]
        if unit.endpoint.newest_first:
            return await self._follow(unit, reads, known, [first], short_is_last=True)
        if unit.endpoint.version == "v4":  # how it pages is assumed, so that each page must show that it is another
            return (
                [first] if total == size else await self._follow(unit, reads, known, [first], short_is_last=not total)
            )
        if total > size:
            self._amount_is_total.add(path)
            numbers = range(2, ceil(total / size) + 1)
            pages = [first, *await together(self._kept_page(unit, number, reads, known) for number in numbers)]
            if sum(page.records for page in pages) >= total:
                return pages
            return await self._follow(unit, reads, known, pages, short_is_last=False)
        if total == size and path in self._amount_is_total:
            return [first]
        return await self._follow(unit, reads, known, [first], short_is_last=True)

    async def _follow(
        self, unit: Unit, reads: Reads[Any], known: "_Known", pages: Sequence[_Seen], *, short_is_last: bool
    ) -> list[_Seen]:
        """Read on, one page after the other, to the end of the list; `pages` are those that were read."""
        found, number = list(pages), len(pages)
        while not (short_is_last and found[-1].records < self._longest[unit.endpoint.path]):
            page, number = await self._next(unit, reads, found, number + 1)
            if not page.records:
                return [*found, _NO_PAGE]
            if number > MOST_PAGES:
                raise RequestError(f"The list of {unit} does not end: {MOST_PAGES} pages, and each brings new records.")
            found.append(await self._keep(page, known))
            if page.taken.is_before_window:
                break
        return found

    async def _next(self, unit: Unit, reads: Reads[Any], found: Sequence[_Seen], number: int) -> tuple[_Seen, int]:
        """The next page that brings something new, and its number; an empty one at the end of the list.

        A page that is served again is the end, or else the list has grown above it by the length of a page: the one
        after it tells.
        """
        for each in (number, number + 1):
            page = await self._page(unit, each, reads)
            if not page.records or not page.taken.holds_only([found[0].taken, found[-1].taken]):
                return page, each
        return _NO_PAGE, number

    async def _kept_page(self, unit: Unit, number: int, reads: Reads[Any], known: "_Known") -> _Seen:
        return await self._keep(await self._page(unit, number, reads), known)

    async def _keep(self, page: _Seen, known: "_Known") -> _Seen:
        """Let the page be kept, and return what is to be remembered of it, which is not its rows."""
        await asyncio.to_thread(page.taken.keep, known.misses(page.taken.hashes) if known else None)
        return replace(page, taken=replace(page.taken, keep=_nothing_to_keep))

    async def _page(self, unit: Unit, number: int, reads: Reads[Any]) -> _Seen:
        try:
            return await self._asked(unit, number, reads)
        except (RequestError, GoneError) as error:
            if number == 1 or not _ends_the_list(error, unit.endpoint):
                raise
            return await self._page_or_end(unit, number, reads, error)

    async def _page_or_end(self, unit: Unit, number: int, reads: Reads[Any], error: CoupontoolsError) -> _Seen:
        """Make sure that an error is the end of the list, and not a fault on one of its pages; else raise it."""
        for each in (number, number + 1):
            try:
                seen = await self._asked(unit, each, reads)
            except (RequestError, GoneError) as another:
                if not _ends_the_list(another, unit.endpoint):
                    raise
                continue
            if each == number:
                return seen
            if seen.records:
                raise error
        return _NO_PAGE

    async def _asked(self, unit: Unit, number: int, reads: Reads[Any]) -> _Seen:
        question = Question(unit, number if unit.endpoint.page else None)
        decode = partial(read_page, unit, number, reads.read)
        found, amount = await self._client.read(question, decode)
        seen, path = _Seen(reads.take(found), amount), unit.endpoint.path
        self._longest[path] = max(self._longest.get(path, 0), seen.records)
        return seen


class _Known:
    """The hashes of all records that earlier passes have brought, sorted."""

    def __init__(self) -> None:
        self._hashes = pl.Series(dtype=pl.UInt64)

    def __bool__(self) -> bool:
        return bool(len(self._hashes))

    def add(self, pages: Iterable[_Seen]) -> None:
        """Take those of a pass to them."""
        self._hashes = pl.concat([self._hashes, *(page.taken.hashes for page in pages)]).unique().sort()

    def misses(self, hashes: pl.Series) -> pl.Series:
        """Which of the hashes are not among them."""
        if not self:
            return pl.repeat(value=True, n=len(hashes), eager=True)
        places = self._hashes.search_sorted(hashes)
        return self._hashes.gather(places.clip(0, len(self._hashes) - 1)) != hashes


def _may_have_moved(unit: Unit, pages: Sequence[_Seen], announced: int | None) -> bool:
    """Whether a list may have changed between two of its pages, so that it must be read again."""
    is_over = bool(unit.endpoint.windowed and unit.end and unit.end < datetime.now(UTC).date())
    if announced is None:
        return not (is_over and unit.start and unit.end and unit.end - unit.start >= LONG_WINDOW)
    is_steady = all(page.amount == announced for page in pages if page is not _NO_PAGE)
    return not (is_over and is_steady and pl.concat([page.taken.hashes for page in pages]).n_unique() == announced)


def _holds_a_gap(new: pl.Series) -> bool:
    """Whether records that are new stand between known ones; at the ends of a list they were added meanwhile."""
    known = (~new).arg_true()
    return bool(new[known[0] : known[-1]].any()) if len(known) else len(new) > 0


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
