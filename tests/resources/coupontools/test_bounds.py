"""What comes from outside has bounds: of size, of number and of time; each ends in one line that names its setting."""

import asyncio
import gzip
import logging
import time
import weakref
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import polars as pl
import pytest

from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.client import Client
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.errors import LimitError, OversizedError, UnavailableError
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.pages import PageReader, SliceResult
from resources.coupontools.requests import PageRequest, Slice
from resources.coupontools.retry import MAX_TRIES
from tests.support.accounts import session
from tests.support.raw_server import Answers, answering, envelope, http

T = TypeVar("T")
SESSIONS = Slice(choose_endpoints("")["sessions"], "cam_1")
GOOD = envelope([session(1), session(2)])
SMALL = 20_000
"""Bytes of an answer, where a test sets the bound."""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CLIENT_ID": "somebody", "CLIENT_SECRET": "hush-hush", "RETRY_WAIT": "0"}.items():
        monkeypatch.setenv(f"COUPONTOOLS_{name}", value)


def with_client(answers: Answers, work: Callable[[Client], Awaitable[T]]) -> T:
    async def run(url: str) -> T:
        async with CoupontoolsAccount(url=url).connect() as client:
            return await work(client)

    with answering(answers) as url:
        return asyncio.run(run(url))


def ask(answers: Answers) -> bytes:
    """The records of the first page."""

    return with_client(answers, lambda client: client.read(PageRequest(SESSIONS, 1), lambda page: page.records))


@dataclass(frozen=True)
class CountedPage:
    """A page of which nothing but the number of its sessions and its bytes is looked at."""

    records: int
    hashes: pl.Series
    keyless: int = 0
    is_before_window: bool = False


def read_list(answers: Answers) -> SliceResult:
    def decode(page: Page) -> CountedPage:
        return CountedPage(page.records.count(b'"session":'), pl.Series([page.records], dtype=pl.Binary).hash())

    def store(_page: CountedPage, _new: pl.Series | None) -> None:
        """Keep nothing."""

    return with_client(answers, lambda client: PageReader(client).read_pages(SESSIONS, decode, store))


def test_the_content_of_a_page_is_not_kept_once_it_is_stored() -> None:
    stored: list[weakref.ref[CountedPage]] = []
    kept: list[int] = []

    def decode(page: Page) -> CountedPage:
        kept.append(sum(content() is not None for content in stored))
        return CountedPage(2, pl.Series([page.records], dtype=pl.Binary).hash())

    def store(page: CountedPage, _new: pl.Series | None) -> None:
        stored.append(weakref.ref(page))

    async def read_lists(client: Client) -> int:
        reader, campaigns = PageReader(client), [f"cam_{number}" for number in range(client.pages_at_once)]
        await gather(reader.read_pages(replace(SESSIONS, parent=campaign), decode, store) for campaign in campaigns)
        return client.pages_at_once

    def answer(page: int) -> list[bytes]:
        return [http(envelope([session(page), session(-page)] if page <= 20 else [], amount_of_results=40))]

    at_once = with_client(answer, read_lists)
    assert len(stored) >= 20 * at_once
    assert max(kept) <= at_once


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def in_two_members(body: bytes) -> bytes:
    return gzip.compress(body[:10]) + gzip.compress(body[10:])


PACKED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("packing", PACKED)
def test_a_packed_answer_is_unpacked(packing: str) -> None:
    records = ask(lambda _: [http(PACKED[packing](GOOD), content_encoding=packing)])
    assert records == ask(lambda _: [http(GOOD)])
    assert records == ask(lambda _: [http(deflated(GOOD), content_encoding="deflate")])
    assert records == ask(lambda _: [http(GOOD, content_encoding="utf-8, identity")]), "not packed at all"
    assert records == ask(lambda _: [http(in_two_members(GOOD), content_encoding="gzip")])


@pytest.mark.parametrize("cut", [5, 20])
def test_an_answer_whose_last_gzip_member_is_cut_off_is_not_taken_for_a_whole_one(cut: int) -> None:
    body = b" " * 10 + GOOD  # all that is in the first member
    with pytest.raises(UnavailableError, match="cut off"):
        ask(lambda _: [http(in_two_members(body)[:-cut], content_encoding="gzip")])


def test_several_gzip_members_are_unpacked_no_further_than_an_answer_may_be_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_ANSWER_BYTES", str(SMALL))
    with pytest.raises(OversizedError):
        ask(lambda _: [http(gzip.compress(b" " * (SMALL // 2)) * 100, content_encoding="gzip")])


BOMB = b'{"status":{"status":"OK"},"sessions":[' + b" " * 50_000_000 + b"]}"


@pytest.mark.parametrize("packing", PACKED)
def test_an_answer_is_unpacked_no_further_than_it_may_be_large(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_ANSWER_BYTES", str(SMALL))
    bomb, requested = PACKED[packing](BOMB)[: SMALL // 2], []
    with pytest.raises(OversizedError) as error:
        ask(lambda page: [requested.append(page) or http(bomb, content_encoding=packing)])  # type: ignore[func-returns-value]
    assert str(error.value) == (
        "The API's answer to v3/campaign/data of campaign cam_1, page 1 holds more bytes than "
        "COUPONTOOLS_MAX_ANSWER_BYTES (20,000) allows. Set it higher if such an answer is to be read."
    )
    assert error.value.body == BOMB[:SMALL], "its beginning is kept"
    assert len(requested) == 1, "it is not asked for again"


@pytest.mark.parametrize("packing", ["br", "zstd", "compress", "gzip, gzip", "deflate,gzip"])
def test_a_packing_that_was_not_asked_for_is_refused(packing: str) -> None:
    with pytest.raises(UnavailableError, match=rf"compressed as {packing.split(',')[0]}.*Tried 6 times"):
        ask(lambda _: [http(gzip.compress(gzip.compress(GOOD)), content_encoding=packing)])


@pytest.mark.parametrize("item", [b"{}", b"[]", b'{"a":{}}'])
def test_an_answer_of_little_things_without_number_is_left(item: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_ANSWER_BYTES", str(SMALL))
    with pytest.raises(OversizedError, match="holds more objects and lists than COUPONTOOLS_MAX_ANSWER_BYTES"):
        ask(lambda _: [http(b'{"status":{"status":"OK"},"sessions":[' + b",".join([item] * 1000) + b"]}")])


def test_an_answer_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_ANSWER_BYTES", str(SMALL))

    def endless(_page: int) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        while True:
            yield b"4\r\n[[[[\r\n" * 1000

    with pytest.raises(OversizedError, match="COUPONTOOLS_MAX_ANSWER_BYTES"):
        ask(endless)


@pytest.mark.parametrize("announced", [None, 10**12, 10**30])
def test_a_list_that_does_not_end_is_left(announced: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_PAGES", "20")
    beside = {} if announced is None else {"amount_of_results": announced}
    with pytest.raises(LimitError, match=r"campaign cam_1 does not end: 20 pages, .* COUPONTOOLS_MAX_PAGES") as error:
        read_list(lambda page: [http(envelope([session(page)], **beside))])
    assert "What was read of it is kept" in str(error.value)


def test_a_huge_total_of_a_short_list_costs_nothing() -> None:
    reading = read_list(lambda page: [http(envelope([session(page)] if page < 4 else [], amount_of_results=10**12))])
    assert (reading.records, reading.announced) == (3, 10**12)


def test_a_request_takes_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_REQUEST_SECONDS", "0.6")

    def trickle(_page: int) -> Iterator[bytes]:
        yield http(b"")[:-2].replace(b"content-length: 0", b"content-length: 1000") + b"\r\n"
        for _ in range(100):
            time.sleep(0.05)
            yield b" "

    begun = time.monotonic()
    with pytest.raises(UnavailableError, match=r"Tried 1 times in the 1 s that COUPONTOOLS_MAX_REQUEST_SECONDS allows"):
        ask(trickle)
    assert time.monotonic() - begun < 3


def test_waits_that_the_server_asks_for_count_and_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_REQUEST_SECONDS", "1.6")
    begun = time.monotonic()
    with caplog.at_level(logging.WARNING), pytest.raises(UnavailableError, match=r"Tried [12] times in the 2 s"):
        ask(lambda _: [http(b"", "429 Too Many Requests", retry_after="1")])
    assert time.monotonic() - begun < 4
    assert caplog.messages[0] == (
        "Waiting 1 s before retrying v3/campaign/data of campaign cam_1, page 1, because the API asked for it."
    )


def test_a_wait_that_is_longer_than_what_is_left_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_REQUEST_SECONDS", "60")
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match=r"HTTP 503\. Tried 1 times in the 60 s"):
        ask(lambda _: [http(b"", "503 Service Unavailable", retry_after="90")])
    assert time.monotonic() - begun < 5


def test_a_read_takes_no_longer_in_all_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_READ_SECONDS", "0.5")

    def slow(page: int) -> Iterator[bytes]:
        time.sleep(0.1)
        yield http(envelope([session(page)]))

    begun = time.monotonic()
    with pytest.raises(LimitError, match=r"MAX_READ_SECONDS allows; the last request was for v3/campaign/data of"):
        read_list(slow)
    assert time.monotonic() - begun < 3


def test_an_answer_that_is_long_in_coming_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("resources.coupontools.retry.SECONDS_BETWEEN_REPORTS", 0.1)

    def slow(_page: int) -> Iterator[bytes]:
        time.sleep(0.4)
        yield http(GOOD)

    with caplog.at_level(logging.WARNING):
        ask(slow)
    assert "v3/campaign/data of campaign cam_1, page 1 has been under way for" in caplog.messages[0]


def test_a_lasting_error_is_raised_after_all_tries_and_keeps_no_body() -> None:
    with pytest.raises(UnavailableError, match=f"Tried {MAX_TRIES} times") as error:
        ask(lambda _: [http(b"x" * 5_000_000, "500 Oops")])
    assert error.value.__context__ is None
