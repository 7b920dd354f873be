"""The page loop: every record of one endpoint, campaign and window, whatever the server's page size is.

Nothing documents how a list ends (API.md, section 5.3). A list is at its end after an empty page, after a page that
brings no new key, or, past the first page, after an error of the 3xx codes. Neither the length of a page nor an
announced total proves the end: rows may be hidden on a page, and a total may be out of date or capped. A read of a
window of days, which marks no deletions, takes a very short page as a hint of the end, once some such pages were seen
to be the last: that saves a request for each small list. `amount_of_results` may be the total or the size of the page;
where it is larger than the page, that many records are read side by side, and then what follows them.

A list may change between two of its pages: what is deleted on a page that was read moves a record from the next
page onto it, past the reader. So a list that needed more than one request is read again until that brings nothing
but what was added in the meantime, unless its first page cannot have been full, the server's count proves that nothing
moved, or the window is a long one of the past, which would make a first load twice as long; its deletions are found by
a complete read.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

import polars as pl

from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.errors import CoupontoolsError, LimitError, ParentNotFoundError, RequestError
from resources.coupontools.gather import gather
from resources.coupontools.known_records import KnownRecords, holds_a_gap
from resources.coupontools.page import Page, read_page
from resources.coupontools.requests import PageRequest, Slice
from resources.coupontools.short_pages import MIN_PAGE_SIZE, ShortPages, is_very_short

T = TypeVar("T")

MAX_PASSES = 10
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

    @property
    def content(self) -> int:
        """The same number for two pages with the same records in the same order."""
        return hash(tuple(self.hashes))

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
class SliceResult:
    """What reading a slice to its end came to.

    How many records it held, and how many the server announced where it says so; whether its end was taken from a very
    short page; how often it was read, how many records only showed when it was read again, and whether the last pass
    found the list at rest.
    """

    records: int
    announced: int | None
    is_end_a_hint: bool = False
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


@dataclass(frozen=True)
class _Pass:
    """A list read once, from its first page to its end: the pages with records, and how its end was found.

    `requests` is 1 if nothing but the first page was asked for. `is_end_a_hint` if the end was taken from a very short
    page; `is_repeated` if the first page is all there is, and was served again, unchanged, in the place of the next.
    """

    pages: Sequence[_Seen]
    requests: int = 2
    is_end_a_hint: bool = False
    is_repeated: bool = False

    @property
    def records(self) -> int:
        return sum(page.records for page in self.pages)


class PageReader:
    """Reads slices through a client, page by page."""

    def __init__(self, client: Client) -> None:
        """What is learnt of the server's page sizes is shared by all slices of the reader."""
        self._client = client
        self._longest: dict[str, int] = {}
        self._short_pages: defaultdict[str, ShortPages] = defaultdict(ShortPages)
        self._amount_is_total: set[str] = set()

    async def read(self, slice_: Slice, reads: Reads[Any]) -> SliceResult:
        """Read every page of the slice, in no order.

        Raises a CoupontoolsError; ParentNotFoundError if the parent is no longer there.
        """
        first = await self._pass(slice_, reads, KnownRecords())
        announced = self._announced(slice_, first)
        reading = SliceResult(first.records, announced, first.is_end_a_hint)
        if not self._may_have_moved(slice_, first, announced):
            return reading
        known, pages, recovered = KnownRecords(), first.pages, 0
        for passes in range(2, MAX_PASSES + 1):
            known.add(page.taken.hashes for page in pages)
            pages = (await self._pass(slice_, reads, known)).pages
            new = [known.misses(page.taken.hashes) for page in pages] or [pl.Series(dtype=pl.Boolean)]
            recovered += sum(int(each.sum()) for each in new)
            reading = replace(reading, records=first.records + recovered, passes=passes, recovered=recovered)
            if not holds_a_gap(pl.concat(new)):
                return reading
        return replace(reading, at_rest=False)

    def _announced(self, slice_: Slice, found: _Pass) -> int | None:
        """The size of the whole list, if the server says so; some say that of the page instead."""
        path = slice_.endpoint.path
        is_whole = len(found.pages) == 1 or slice_.endpoint.version == "v4" or path in self._amount_is_total
        if slice_.endpoint.newest_first or not is_whole:
            return None
        # what is deleted while the list is read is announced by its first pages alone
        return min((page.amount for page in found.pages if page.amount is not None), default=None)

    def _may_have_moved(self, slice_: Slice, found: _Pass, announced: int | None) -> bool:
        """Whether a list may have changed between two of its pages, so that it must be read again."""
        if found.requests == 1 or found.is_repeated:
            return False
        # a page that was not full had no next one from which a record could move onto it
        if len(found.pages) == 1 and not self._may_be_full(slice_, found.records):
            return False
        is_over = bool(slice_.endpoint.windowed and slice_.end and slice_.end < datetime.now(UTC).date())
        if announced is None or slice_.endpoint.path not in self._amount_is_total:
            return not (is_over and slice_.start and slice_.end and slice_.end - slice_.start >= LONG_WINDOW)
        is_steady = all(page.amount == announced for page in found.pages)
        hashes = pl.concat([page.taken.hashes for page in found.pages])
        return not (is_over and is_steady and hashes.n_unique() == announced)

    def _may_be_full(self, slice_: Slice, records: int) -> bool:
        """Whether a page with so many records may be full; where deletions are marked, with records that are hidden."""
        path = slice_.endpoint.path
        if self._short_pages[path].mislead:
            return records >= self._longest[path]
        return not is_very_short(records) and (not slice_.start or records >= max(self._longest[path], MIN_PAGE_SIZE))

    async def _pass(self, slice_: Slice, reads: Reads[Any], known: KnownRecords) -> _Pass:
        """Read the list once, from its first page to its end."""
        first = await self._kept_page(slice_, 1, reads, known)
        size, total = first.records, first.amount or 0
        if not slice_.endpoint.page or size == 0 or first.taken.is_before_window:
            return _Pass([first], requests=1)
        pages, is_at_end = [first], False
        # the pages of a v4 list, of which nothing is documented, must show one by one that each is another
        if total > size and not slice_.endpoint.newest_first and slice_.endpoint.version == "v3":
            self._amount_is_total.add(slice_.endpoint.path)
            pages, is_at_end = await self._announced_pages(slice_, reads, known, first, -(-total // size))
        return _Pass(pages) if is_at_end else await self._follow(slice_, reads, known, pages, total)

    async def _announced_pages(
        self, slice_: Slice, reads: Reads[Any], known: KnownRecords, first: _Seen, last: int
    ) -> tuple[list[_Seen], bool]:
        """Read the pages up to `last` side by side; returns those with records, and whether the list ended before.

        It ends with an empty page, or with the second one that was served before: one may be so because the list has
        grown above it by the length of a page.
        """
        last = min(last, self._client.limits.max_pages)
        found, numbers, is_at_end = {1: first}, iter(range(2, last + 1)), False
        contents, repeated = {first.taken.content}, 0

        async def go_on() -> None:
            nonlocal is_at_end, repeated
            for number in numbers:
                page = await self._page(slice_, number, reads)
                if page.records and page.taken.content not in contents:
                    contents.add(page.taken.content)
                    found[number] = await self._keep(page, known)
                else:
                    repeated += bool(page.records)
                    is_at_end |= not page.records or repeated > 1
                if is_at_end:
                    return

        await gather(go_on() for _ in range(min(self._client.pages_at_once, last - 1)))
        return [found[number] for number in sorted(found)], is_at_end

    async def _follow(
        self, slice_: Slice, reads: Reads[Any], known: KnownRecords, pages: Sequence[_Seen], announced: int
    ) -> _Pass:
        """Read on, one page after the other, to the end of the list; `pages` are those that were read."""
        found, number, most = list(pages), len(pages), self._client.limits.max_pages
        records = sum(page.records for page in found)
        while not found[-1].taken.is_before_window:
            if records >= announced and self._ends_with(slice_, found):
                return _Pass(found, requests=len(found), is_end_a_hint=True)
            page, number, is_repeated = await self._next(slice_, reads, found, number + 1)
            if len(found) == 1 and is_very_short(found[0].records):
                self._short_pages[slice_.endpoint.path].note(found[0].records, is_last=not page.records)
            if not page.records:
                return _Pass(found, is_repeated=is_repeated)
            if number > most:
                raise LimitError(
                    f"The list of {slice_} does not end: {most:,} pages, which is what COUPONTOOLS_MAX_PAGES allows, "
                    "and each brings new records. What was read of it is kept. Set it higher if the list is that long."
                )
            found.append(await self._keep(page, known))
            records += page.records
        return _Pass(found)

    def _ends_with(self, slice_: Slice, found: Sequence[_Seen]) -> bool:
        """Whether the last of the pages is so short that the read of a window may take it for the end of the list."""
        first, last = found[0].records, found[-1].records
        if not (slice_.start and is_very_short(last)):
            return False
        if len(found) > 1:
            return not is_very_short(first)
        return self._short_pages[slice_.endpoint.path].say_it_is_the_last(last)

    async def _next(
        self, slice_: Slice, reads: Reads[Any], found: Sequence[_Seen], number: int
    ) -> tuple[_Seen, int, bool]:
        """The next page that brings something new, and its number; an empty one at the end of the list.

        A page that is served again is the end, or else the list has grown above it by the length of a page: the one
        after it tells. The third value says that all came again just as it was.
        """
        is_repeated = len(found) == 1
        for each in (number, number + 1):
            page = await self._page(slice_, each, reads)
            if not page.records or not page.taken.holds_only([found[0].taken, found[-1].taken]):
                return page, each, False
            is_repeated = is_repeated and page.records == found[0].records
        return _NO_PAGE, number, is_repeated

    async def _kept_page(self, slice_: Slice, number: int, reads: Reads[Any], known: KnownRecords) -> _Seen:
        return await self._keep(await self._page(slice_, number, reads), known)

    async def _keep(self, page: _Seen, known: KnownRecords) -> _Seen:
        """Let the page be kept, and return what is to be remembered of it, which is not its rows."""
        await asyncio.to_thread(page.taken.keep, known.misses(page.taken.hashes) if known else None)
        return replace(page, taken=replace(page.taken, keep=_nothing_to_keep))

    async def _page(self, slice_: Slice, number: int, reads: Reads[Any]) -> _Seen:
        try:
            return await self._asked(slice_, number, reads)
        except (RequestError, ParentNotFoundError) as error:
            if number == 1 or not _ends_the_list(error, slice_.endpoint):
                raise
            return await self._page_or_end(slice_, number, reads, error)

    async def _page_or_end(self, slice_: Slice, number: int, reads: Reads[Any], error: CoupontoolsError) -> _Seen:
        """Make sure that an error is the end of the list, and not a fault on one of its pages; else raise it."""
        for each in (number, number + 1):
            try:
                seen = await self._asked(slice_, each, reads)
            except (RequestError, ParentNotFoundError) as another:
                if not _ends_the_list(another, slice_.endpoint):
                    raise
                continue
            if each == number:
                return seen
            if seen.records:
                raise error
        return _NO_PAGE

    async def _asked(self, slice_: Slice, number: int, reads: Reads[Any]) -> _Seen:
        page_request = PageRequest(slice_, number if slice_.endpoint.page else None)
        decode = partial(read_page, slice_, number, reads.read)
        found, amount = await self._client.read(page_request, decode)
        seen, path = _Seen(reads.take(found), amount), slice_.endpoint.path
        self._longest[path] = max(self._longest.get(path, 0), seen.records)
        return seen


def _ends_the_list(error: RequestError | ParentNotFoundError, endpoint: Endpoint) -> bool:
    """Whether an error past the first page says that there is no such page; v4 has no codes for it."""
    if isinstance(error, RequestError) and error.codes:
        return all(300 <= code < 400 for code in error.codes)
    return endpoint.version == "v4" and not (isinstance(error, ParentNotFoundError) and error.told)
