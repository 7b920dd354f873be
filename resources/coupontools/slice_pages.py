"""Requests and stores the pages of a slice one at a time; distinguishes the end of a list from an error on a page."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import polars as pl

from resources.coupontools.client import Client
from resources.coupontools.endpoint_paging import EndpointPaging
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.errors import ParentNotFoundError, RequestError
from resources.coupontools.known_records import KnownRecords
from resources.coupontools.page import DecodedPage, Page
from resources.coupontools.requests import PageRequest, Slice

P = TypeVar("P", bound=DecodedPage)

_NO_SUCH_PAGE = (400, 404, 410, 416, 422)
"""The statuses of HTTP that may say so, if the API has no words for it: a redirection, for example, cannot."""


@dataclass(frozen=True)
class FetchedPage(Generic[P]):
    """A page of a list; one without records means that the list has ended."""

    records: int = 0
    hashes: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.UInt64))
    keyless: int = 0
    is_before_window: bool = False
    announced: int | None = None
    decoded: P | None = None
    """The content, until it is stored: that of a long list would fill the memory."""

    @property
    def hashes_of_keys(self) -> pl.Series:
        """The hashes of the records that have a key; of all records if none has one."""
        return self.hashes.head(len(self.hashes) - self.keyless) if self.keyless < len(self.hashes) else self.hashes

    @property
    def fingerprint(self) -> int:
        """The same number for two pages with the same records in the same order."""
        return int(self.hashes_of_keys.implode().hash().item())

    def holds_only(self, others: Iterable["FetchedPage[P]"]) -> bool:
        """Whether every record of the page is on one of the others."""
        return bool(self.hashes_of_keys.is_in(pl.concat([other.hashes for other in others]).implode()).all())


@dataclass(frozen=True)
class SlicePages(Generic[P]):
    """Requests and stores single pages of a slice."""

    client: Client
    slice_: Slice
    paging: EndpointPaging
    decode: Callable[[Page], P]
    store: Callable[[P, pl.Series | None], None]

    async def fetch_and_store(self, number: int, known: KnownRecords) -> FetchedPage[P]:
        """Request a page and store it."""
        return await self.store_page(await self.fetch(number), known)

    async def store_page(self, page: FetchedPage[P], known: KnownRecords) -> FetchedPage[P]:
        """Store the content of a page, with the mask of the records that are not known; returns the page without it."""
        if page.decoded is not None:
            await asyncio.to_thread(self.store, page.decoded, known.misses(page.hashes) if known else None)
        return replace(page, decoded=None)

    async def fetch(self, number: int) -> FetchedPage[P]:
        """Request a page; past the first, an error that says that there is no such page gives an empty one."""
        try:
            return await self._request(number)
        except (RequestError, ParentNotFoundError) as error:
            if number == 1 or not _ends_the_list(error, self.slice_.endpoint):
                raise
            return await self._fetch_again(number, error)

    async def _fetch_again(self, number: int, error: RequestError | ParentNotFoundError) -> FetchedPage[P]:
        """Make sure that an error is the end of the list and not a fault on one of its pages; else raise it."""
        following = await self._request_if_there(number + 1)
        if not _has_codes(error):  # so answers an endpoint that is away, or a deleted parent: to the first page, too
            await self._request(1)
        page = await self._request_if_there(number)
        if not page.records and following.records:
            raise RequestError(f"{error} But the page after it has records: run again later.") from None
        return page

    async def _request_if_there(self, number: int) -> FetchedPage[P]:
        """Request a page; an error that says that there is no such page gives an empty one."""
        try:
            return await self._request(number)
        except (RequestError, ParentNotFoundError) as error:
            if not _ends_the_list(error, self.slice_.endpoint):
                raise
            return FetchedPage()

    async def _request(self, number: int) -> FetchedPage[P]:
        page_request = PageRequest(self.slice_, number if self.slice_.endpoint.page else None)

        def decode(page: Page) -> FetchedPage[P]:
            decoded = self.decode(page)
            return FetchedPage(
                decoded.records, decoded.hashes, decoded.keyless, decoded.is_before_window, page.announced, decoded
            )

        page = await self.client.read(page_request, decode, checks_json=True)
        self.paging.note_page(page.records)
        return page


def _ends_the_list(error: RequestError | ParentNotFoundError, endpoint: Endpoint) -> bool:
    """Whether an error past the first page may say that there is no such page; v4 has no codes for it."""
    if isinstance(error, ParentNotFoundError):
        return endpoint.version == "v4" and not error.confirmed
    if error.codes:
        return all(300 <= code < 400 for code in error.codes)
    return error.status in _NO_SUCH_PAGE or (endpoint.version == "v4" and error.status is None)


def _has_codes(error: RequestError | ParentNotFoundError) -> bool:
    """Whether the API itself says what is wrong."""
    return isinstance(error, RequestError) and bool(error.codes)
