"""Answers that come late, broken or not at all: the client tries again, waits as it is asked to, and ends in time."""

import asyncio
from typing import Any

import httpx
import pytest

from resources.coupontools.client import Client
from resources.coupontools.errors import UnavailableError
from resources.coupontools.page import Page
from resources.coupontools.requests import PageRequest, Slice
from resources.coupontools.retry import MAX_TRIES, MAX_TRIES_IF_PERMANENT, parse_retry_after
from resources.sandbox.server.app import RateLimit
from resources.sandbox.server.faults import Fault
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.client import SESSIONS, ask, with_client
from tests.support.fixed_server import replying


@pytest.mark.parametrize(
    "kind",
    [
        "429",
        "408",
        "500",
        "502",
        "503",
        "504",
        "reset",
        "reset_in_body",
        "short_body",
        "cut_chunks",
        "truncated",
        "truncated_after_record",
        "cut_gzip",
        "broken_gzip",
        "empty",
        "wrong_shape",
        "html",
    ],
)
def test_a_passing_fault_is_overcome(serve: Serve, kind: str) -> None:
    server = serve(account({1: 5}))
    server.faults.add(Fault(kind, times=2))  # type: ignore[arg-type]
    records, client = ask()
    assert records == 5
    assert client.traffic.retries == 2
    assert client.traffic.throttled == (2 if kind == "429" else 0)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("500", "The API answers v3/campaign/data of campaign cam_1, page 1 with HTTP 500. Tried 6 times."),
        ("429", "The API answers v3/campaign/data of campaign cam_1, page 1 with HTTP 429. Tried 6 times."),
        ("html", "page 1 in a shape that is not known: HTML ("),
        ("empty", "page 1 in a shape that is not known: an empty body. Tried 6 times."),
        ("broken_gzip", "The API's answer to v3/campaign/data of campaign cam_1, page 1 cannot be unpacked (Error -3 "),
        ("reset", "The API broke off its answer to v3/campaign/data of campaign cam_1, page 1"),
        ("truncated", "not JSON, or cut off"),
    ],
)
def test_a_lasting_fault_ends_in_one_clear_line(serve: Serve, kind: str, message: str) -> None:
    server = serve(account())
    server.faults.add(Fault(kind, times=None))  # type: ignore[arg-type]
    with pytest.raises(UnavailableError) as error:
        ask()
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.requests) == (MAX_TRIES_IF_PERMANENT if kind == "html" else MAX_TRIES)


@pytest.mark.parametrize("as_http_date", [False, True])
def test_the_wait_that_the_server_asks_for_is_kept(serve: Serve, as_http_date: bool) -> None:
    server = serve(account({1: 5}))
    server.faults.add(Fault("429", retry_after=1 if not as_http_date else 2, as_http_date=as_http_date))
    assert ask()[0] == 5
    first, second = (entry.time for entry in server.requests)
    assert (second - first).total_seconds() >= 0.9


@pytest.mark.parametrize("year", [2020, 2120])
def test_a_wait_until_a_date_is_by_the_clock_of_the_server(year: int) -> None:
    dates = {"Date": f"Mon, 01 Jan {year} 12:00:00 GMT", "Retry-After": f"Mon, 01 Jan {year} 12:00:03 GMT"}
    assert parse_retry_after(httpx.Response(429, headers=dates)) == 3


@pytest.mark.parametrize("kind", ["429", "503"])
@pytest.mark.parametrize(
    "wait", [{"retry_after": -3600, "as_http_date": True}, {"retry_after": "soon"}, {"retry_after": None}]
)
def test_a_wait_that_says_nothing_is_replaced_by_ours(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: str, wait: dict[str, Any]
) -> None:
    monkeypatch.setenv("COUPONTOOLS_RETRY_WAIT", "0.03")
    server = serve(account({1: 5}))
    server.faults.add(Fault(kind, times=3, **wait))  # type: ignore[arg-type]
    assert ask()[0] == 5
    first, *_, last = (entry.time for entry in server.requests)
    assert (last - first).total_seconds() >= 0.2, "0.03, 0.06 and 0.12 seconds"


@pytest.mark.parametrize("wait", [{"retry_after": 10**30}, {"retry_after": 86_400, "as_http_date": True}])
def test_no_server_makes_us_wait_for_ever(serve: Serve, monkeypatch: pytest.MonkeyPatch, wait: dict[str, Any]) -> None:
    monkeypatch.setattr("resources.coupontools.retry.MAX_RETRY_AFTER", 0.2)
    server = serve(account({1: 5}))
    server.faults.add(Fault("429", **wait))
    assert ask()[0] == 5
    first, second = (entry.time for entry in server.requests)
    assert 0.2 <= (second - first).total_seconds() < 10


def test_requests_that_are_too_many_are_sent_one_by_one_until_all_are_answered(serve: Serve) -> None:
    server, limit = serve(account(dict.fromkeys(range(1, 41), 1))), RateLimit(10)
    server.faults.add(Fault("429", when=lambda _: limit.wait() > 0, retry_after=None, times=None))

    async def work(client: Client) -> Client:
        def decode(page: Page) -> int:
            return page.records.count(b'"session":')

        slices = [Slice(SESSIONS, f"cam_{number}") for number in range(1, 41)]
        assert sum(await asyncio.gather(*(client.read(PageRequest(slice_, 1), decode) for slice_ in slices))) == 40
        return client

    traffic = with_client(work).traffic
    assert traffic.answers == 40
    assert traffic.throttled == traffic.retries == server.faults.hits["429"] > 10


def test_a_dripping_answer_is_given_up_in_the_end(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_READ_TIMEOUT", "0.1")
    server = serve(account({1: 50}))
    server.faults.add(Fault("drip", seconds=3))  # more than 0.1 * 20, but no byte is late
    records, client = ask()
    assert (records, client.traffic.retries) == (50, 1)


def test_a_stalled_answer_is_given_up_and_asked_for_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_READ_TIMEOUT", "0.2")
    server = serve(account({1: 5}))
    server.faults.add(Fault("stall", seconds=1))
    records, client = ask()
    assert (records, client.traffic.retries) == (5, 1)


@pytest.mark.parametrize("kind", ["content_type"])
def test_json_under_another_name_is_read(serve: Serve, kind: str) -> None:
    server = serve(account({1: 5}))
    server.faults.add(Fault(kind))  # type: ignore[arg-type]
    records, client = ask()
    assert (records, client.traffic.retries) == (5, 0)


def test_no_content_is_an_empty_list(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(account({}))
    with replying({}, "", 204) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        records, client = ask()
    assert (records, client.traffic.requests, client.traffic.retries) == (0, 1, 0)


def test_no_more_requests_are_under_way_than_allowed_and_none_too_soon(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_REQUESTS_PER_SECOND", "20")
    server = serve(account())

    async def work(client: Client) -> None:
        def decode(page: Page) -> bytes:
            return page.records

        await asyncio.gather(
            *(client.read(PageRequest(Slice(client.endpoints["campaigns"])), decode) for _ in range(6))
        )

    with_client(work)
    moments = sorted(entry.time for entry in server.requests)
    assert (moments[-1] - moments[0]).total_seconds() >= 0.2
