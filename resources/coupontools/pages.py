"""The page loop: every record of one endpoint, campaign and window, whatever the server's page size is.

Nothing documents how a list ends (API.md, section 5.3). A list is at its end after an empty page, after a page that
brings no new key, or, past the first page, after an error of the 3xx codes, or of HTTP alone, such as 404, if the first
page is still there. Neither the length of a page nor an announced total proves the end: rows may be hidden on a page,
and a total may be out of date or capped. A read of a window of days, which marks no deletions, takes a very short page
as a hint of the end, once some such pages were seen to be the last: that saves a request for each small list.
`amount_of_results` may be the total or the size of the page; where it is larger than the page, that many records are
read side by side, and then what follows them.

A list may change between two of its pages: what is deleted on a page that was read moves a record from the next
page onto it, where the reader does not see it. So a list that needed more than one request is read again until that
brings nothing but what was added at its ends in the meantime, and nothing was deleted as well, unless its first page
cannot have been full, the server's count proves that nothing moved, or the window is a long one of the past, which
would make a first load twice as long; its deletions are detected by a complete read.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic

import polars as pl

from resources.coupontools.client import Client
from resources.coupontools.endpoint_paging import MIN_PAGE_SIZE, EndpointPaging, is_very_short
from resources.coupontools.errors import LimitError
from resources.coupontools.gather import gather
from resources.coupontools.known_records import KnownRecords, holds_a_gap
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from resources.coupontools.slice_pages import FetchedPage, P, SlicePages
from resources.utc import utc_today

MAX_PASSES = 10
"""Maximum passes over a list; what still changes then is left to the next run."""

LONG_WINDOW = timedelta(days=31)
"""Minimum distance from the first to the last day of a past window that is read only once."""


@dataclass(frozen=True)
class SliceResult:
    """The result of reading a slice to its end."""

    records: int
    """How many records it held."""
    announced: int | None
    """How many records the server announced, if it did."""
    ended_by_short_page: bool = False
    """Whether a very short page was taken for its end."""
    passes: int = 1
    """How often it was read."""
    recovered: int = 0
    """How many records were found only when it was read again."""
    is_stable: bool = True
    """Whether the last pass brought nothing that an earlier pass must have missed."""

    @property
    def holds_all_announced(self) -> bool:
        """Whether at least as many records came as the server announced, if it announced any."""
        return self.announced is None or self.records >= self.announced


class PageReader:
    """Reads slices through a client, page by page."""

    def __init__(self, client: Client) -> None:
        """Read through `client`; what is learnt of an endpoint's paging is shared by all slices."""
        self._client = client
        self._paging: defaultdict[str, EndpointPaging] = defaultdict(EndpointPaging)

    async def read_pages(
        self, slice_: Slice, decode: Callable[[Page], P], store: Callable[[P, pl.Series | None], None]
    ) -> SliceResult:
        """Read every page of the slice, in no particular order.

        `decode` runs in a thread inside the request; if it raises ShapeError, as it must for anything but a JSON array
        of records, the page is requested again. `store` runs in a thread once the page is known not to repeat another
        one; its mask (one flag per hash of the page) says which records are new, None that all are.

        Raises a CoupontoolsError; ParentNotFoundError if the parent is no longer there.
        """
        paging = self._paging[slice_.endpoint.path]
        return await _SliceReader(SlicePages(self._client, slice_, paging, decode, store)).read()


@dataclass(frozen=True)
class _Pass(Generic[P]):
    """A list read once, from its first page to its end."""

    pages: Sequence[FetchedPage[P]]
    """The pages that were stored."""
    is_one_request: bool = False
    """Whether nothing but the first page was requested."""
    ended_by_short_page: bool = False
    is_repeated: bool = False
    """Whether the first page is all there is, and was served again, unchanged, in the place of the next."""

    @property
    def records(self) -> int:
        return sum(page.records for page in self.pages)


class _SliceReader(Generic[P]):
    """Reads one slice."""

    def __init__(self, pages: SlicePages[P]) -> None:
        self._pages, self._slice, self._paging = pages, pages.slice_, pages.paging
        self._endpoint = pages.slice_.endpoint
        self._max_pages, self._pages_at_once = pages.client.limits.max_pages, pages.client.pages_at_once
        end = pages.slice_.end
        # as the read begins: a day that is over at its end may still have changed meanwhile
        self._is_past = bool(self._endpoint.windowed and end and end < utc_today())

    async def read(self) -> SliceResult:
        """Read the list; if it may have changed meanwhile, read it again until a pass finds no gap."""
        first = await self._read_once(KnownRecords())
        announced = self._list_length(first)
        result = SliceResult(first.records, announced, first.ended_by_short_page)
        if not self._may_have_changed(first, announced):
            return result
        known, pages, recovered = KnownRecords(), first.pages, 0
        for passes in range(2, MAX_PASSES + 1):
            known.add(page.hashes for page in pages)
            before, pages = pages, (await self._read_once(known)).pages
            new = pl.concat([known.misses(page.hashes_of_keys) for page in pages] or [pl.Series(dtype=pl.Boolean)])
            recovered += int(new.sum())
            result = replace(result, records=first.records + recovered, passes=passes, recovered=recovered)
            if not holds_a_gap(new) and not (new.any() and _lacks_some(pages, before)):
                return result
        return replace(result, is_stable=False)

    def _list_length(self, pass_: _Pass[P]) -> int | None:
        """Return the length of the list, if the server states it; some servers state that of the page instead."""
        is_of_list = len(pass_.pages) == 1 or self._endpoint.version == "v4" or self._paging.is_amount_of_list
        if self._endpoint.newest_first or not is_of_list:
            return None
        # what is deleted while the list is read is announced by its first pages alone
        return min((page.announced for page in pass_.pages if page.announced is not None), default=None)

    def _may_have_changed(self, pass_: _Pass[P], announced: int | None) -> bool:
        """Whether a list may have changed between two of its pages, so that it must be read again."""
        if pass_.is_one_request or pass_.is_repeated:
            return False
        # a page that was not full had no next one from which a record could move onto it
        if len(pass_.pages) == 1 and not self._may_be_full(pass_.records):
            return False
        start, end = self._slice.start, self._slice.end
        if announced is None or not self._paging.is_amount_of_list:
            return not (self._is_past and start and end and end - start >= LONG_WINDOW)
        is_steady = all(page.announced == announced for page in pass_.pages)
        hashes = pl.concat([page.hashes for page in pass_.pages])
        return not (self._is_past and is_steady and hashes.n_unique() == announced)

    def _may_be_full(self, records: int) -> bool:
        """Whether a page of this length may be full, counting hidden records too where deletions are marked."""
        longest = self._paging.longest_page
        if self._paging.has_small_pages:
            return records >= longest
        return not is_very_short(records) and (not self._slice.start or records >= max(longest, MIN_PAGE_SIZE))

    async def _read_once(self, known: KnownRecords) -> _Pass[P]:
        """Read the list once, from its first page to its end."""
        first = await self._pages.fetch_and_store(1, known)
        size, total = first.records, first.announced or 0
        if not self._endpoint.page or size == 0 or first.is_before_window:
            return _Pass([first], is_one_request=True)
        pages, is_at_end = [first], False
        # the pages of a v4 list, of which nothing is documented, are compared one by one with those before
        if total > size and not self._endpoint.newest_first and self._endpoint.version == "v3":
            self._paging.is_amount_of_list = True
            pages, is_at_end = await self._read_pages_up_to(known, first, -(-total // size))
        return _Pass(pages) if is_at_end else await self._follow(known, pages, total)

    async def _read_pages_up_to(
        self, known: KnownRecords, first: FetchedPage[P], last: int
    ) -> tuple[list[FetchedPage[P]], bool]:
        """Read the pages up to `last` concurrently; returns those with records, and whether the list ended before.

        It ends with an empty page, or with the second page that was served before. A single one may be served again
        because a page of records was added before it.
        """
        last = min(last, self._max_pages)
        pages, numbers, is_at_end = {1: first}, iter(range(2, last + 1)), False
        fingerprints, repeated = {first.fingerprint}, 0

        async def read_next() -> None:
            nonlocal is_at_end, repeated
            for number in numbers:
                page = await self._pages.fetch(number)
                if page.records and (fingerprint := page.fingerprint) not in fingerprints:
                    fingerprints.add(fingerprint)
                    # from here on without its content, or it would be kept while the next page is waited for
                    page = pages[number] = await self._pages.store_page(page, known)
                else:
                    repeated += bool(page.records)
                    is_at_end |= not page.records or repeated > 1
                if is_at_end:
                    return

        await gather(read_next() for _ in range(min(self._pages_at_once, last - 1)))
        return [pages[number] for number in sorted(pages)], is_at_end

    async def _follow(self, known: KnownRecords, pages_before: Sequence[FetchedPage[P]], announced: int) -> _Pass[P]:
        """Read on, one page after the other, to the end of the list; `pages_before` are those already read."""
        pages, number = list(pages_before), len(pages_before)
        records = sum(page.records for page in pages)
        while not pages[-1].is_before_window:
            if records >= announced and self._ends_with_short_page(pages):
                return _Pass(pages, is_one_request=len(pages) == 1, ended_by_short_page=True)
            page, number, is_repeated = await self._fetch_next(pages, number + 1)
            if len(pages) == 1 and is_very_short(pages[0].records):
                self._paging.note_short_page(pages[0].records, is_last=not page.records)
            if not page.records:
                return _Pass(pages, is_repeated=is_repeated)
            if number > self._max_pages:
                raise LimitError(
                    f"The list of {self._slice} does not end: {self._max_pages:,} pages, which is what "
                    "COUPONTOOLS_MAX_PAGES allows, and each brings new records. What was read of it is kept. Set it "
                    "higher if the list is that long."
                )
            page = await self._pages.store_page(page, known)
            pages.append(page)
            records += page.records
        return _Pass(pages)

    def _ends_with_short_page(self, pages: Sequence[FetchedPage[P]]) -> bool:
        """Whether the last of the pages is so short that the read of a window may take it for the end of the list."""
        first, last = pages[0].records, pages[-1].records
        if not (self._slice.start and is_very_short(last)):
            return False
        return not is_very_short(first) if len(pages) > 1 else self._paging.is_last_if_short(last)

    async def _fetch_next(self, pages: Sequence[FetchedPage[P]], number: int) -> tuple[FetchedPage[P], int, bool]:
        """Fetch the next page that brings something new, and its number; an empty one at the end of the list.

        A page that is served again is the end, unless a page of records was added before it: the page after it shows
        which. The third value says whether the first page, all there is, came again unchanged.
        """
        is_repeated = len(pages) == 1
        for candidate in (number, number + 1):
            page = await self._pages.fetch(candidate)
            if not page.records or not page.holds_only([pages[0], pages[-1]]):
                return page, candidate, False
            is_repeated = is_repeated and page.records == pages[0].records
        return FetchedPage(), number, is_repeated


def _lacks_some(pages: Sequence[FetchedPage[P]], before: Sequence[FetchedPage[P]]) -> bool:
    """Whether a record of the pass before, not older than the window, is on none of the pages.

    It was deleted, which may have moved another record past both passes if one was added between the two.
    """
    read = KnownRecords()
    read.add(page.hashes for page in pages)
    return any(read.misses(page.hashes_of_keys).any() for page in before if not page.is_before_window)
