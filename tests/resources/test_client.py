"""The client against a real server that misbehaves: the right answer, or one clear error."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import pytest

from resources.coupontools.client import TRIES, Client
from resources.coupontools.endpoints import CAMPAIGNS, SESSIONS
from resources.coupontools.envelope import Answer
from resources.coupontools.errors import AccountError, CoupontoolsError, GoneError, RequestError, UnavailableError
from resources.coupontools.resource import CoupontoolsResource
from resources.sandbox.faults import Fault
from resources.settings import SettingsError
from tests.accounts import account
from tests.conftest import Serve

T = TypeVar("T")


def with_client(work: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T:
        async with CoupontoolsResource().connected() as client:
            return await work(client)

    return asyncio.run(run())


def ask(campaign: str = "cam_1", **parameters: object) -> tuple[int, Client]:
    """Read one page of sessions; returns how many records it held by its own account, and the client."""

    async def work(client: Client) -> tuple[int, Client]:
        def decode(answer: Answer, _asked_at: datetime) -> int:
            return answer.records.count(b'"session":')

        found = await client.read(SESSIONS, {"campaign": campaign, **parameters}, decode, f"sessions of {campaign}")
        return found, client

    return with_client(work)


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
        "truncated",
        "truncated_after_record",
        "empty",
        "wrong_shape",
        "html",
    ],
)
def test_a_passing_fault_is_overcome(serve: Serve, kind: str) -> None:
    server = serve(account({1: 5}))
    server.faults.add(Fault(kind, times=2))  # type: ignore[arg-type]
    found, client = ask()
    assert found == 5
    assert client.traffic.retries == 2
    assert client.traffic.throttled == (2 if kind == "429" else 0)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("500", "The API answers sessions of cam_1 with HTTP 500. Tried 6 times."),
        ("429", "The API answers sessions of cam_1 with HTTP 429. Tried 6 times."),
        ("html", "The API answers sessions of cam_1 with no JSON, or cut off. Tried 6 times."),
        ("empty", "The API answers sessions of cam_1 with an empty body. Tried 6 times."),
        ("reset", "The API broke off its answer to sessions of cam_1"),
        ("truncated", "no JSON, or cut off"),
    ],
)
def test_a_lasting_fault_ends_in_one_clear_line(serve: Serve, kind: str, told: str) -> None:
    server = serve(account())
    server.faults.add(Fault(kind, times=None))  # type: ignore[arg-type]
    with pytest.raises(UnavailableError) as error:
        ask()
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.requests) == TRIES


@pytest.mark.parametrize("as_http_date", [False, True])
def test_the_wait_that_the_server_asks_for_is_kept(serve: Serve, as_http_date: bool) -> None:
    server = serve(account({1: 5}))
    server.faults.add(Fault("429", retry_after=1 if not as_http_date else 2, as_http_date=as_http_date))
    assert ask()[0] == 5
    first, second = (entry.time for entry in server.requests)
    assert (second - first).total_seconds() >= 0.9


def test_a_stalled_answer_is_given_up_and_asked_for_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_READ_TIMEOUT", "0.2")
    server = serve(account({1: 5}))
    server.faults.add(Fault("stall", seconds=1))
    found, client = ask()
    assert (found, client.traffic.retries) == (5, 1)


@pytest.mark.parametrize("kind", ["content_type"])
def test_json_under_another_name_is_read(serve: Serve, kind: str) -> None:
    server = serve(account({1: 5}))
    server.faults.add(Fault(kind))  # type: ignore[arg-type]
    found, client = ask()
    assert (found, client.traffic.retries) == (5, 0)


@pytest.mark.parametrize("error_http_status", ["quoted", "always_200"])
@pytest.mark.parametrize("error_shape", ["documented", "E1", "E2", "E3"])
def test_the_apis_own_errors_are_told_apart_in_every_shape(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, error_http_status: str, error_shape: str
) -> None:
    server = serve(account(), error_http_status=error_http_status, error_shape=error_shape)
    with pytest.raises(GoneError, match=r"sessions of cam_99 is no longer in the account \(error 502"):
        ask("cam_99")
    with pytest.raises(RequestError, match="error 301") as refused:
        ask("cam_abc")
    assert refused.value.codes == {301}
    with pytest.raises(RequestError, match="error 303"):
        ask(start_date="01/02/2026")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "not-the-secret")
    with pytest.raises(AccountError, match="COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET") as error:
        ask()
    assert "not-the-secret" not in str(error.value)
    assert len(server.requests) == 4, "none of these is asked for again"


@pytest.mark.parametrize(
    ("code", "kind"), [(101, AccountError), (1000, AccountError), (502, GoneError), (604, RequestError)]
)
def test_application_codes_are_never_retried(serve: Serve, code: int, kind: type[CoupontoolsError]) -> None:
    server = serve(account())
    server.faults.add(Fault("failed", error_code=code))
    with pytest.raises(kind):
        ask()
    assert len(server.requests) == 1


def test_an_address_that_is_not_the_api_is_named(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(account())
    monkeypatch.setenv("COUPONTOOLS_API_URL", f"{server.url}/v3")
    with pytest.raises(RequestError, match=r"HTTP 404\. Check that COUPONTOOLS_API_URL is the root of the API"):
        ask()


def test_an_unreachable_host_is_named(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(account())
    monkeypatch.setenv("COUPONTOOLS_API_URL", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match=r"127.0.0.1:9 cannot be reached .* Check COUPONTOOLS_API_URL"):
        ask()


def test_no_more_requests_are_under_way_than_allowed_and_none_too_soon(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_REQUESTS_PER_SECOND", "20")
    server = serve(account())

    async def work(client: Client) -> None:
        def decode(answer: Answer, _asked_at: datetime) -> bytes:
            return answer.records

        await asyncio.gather(*(client.read(CAMPAIGNS, {}, decode, "campaigns") for _ in range(6)))

    with_client(work)
    moments = sorted(entry.time for entry in server.requests)
    assert (moments[-1] - moments[0]).total_seconds() >= 0.2


def test_without_an_address_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="COUPONTOOLS_API_URL is not set"):
        ask()
    monkeypatch.setenv("COUPONTOOLS_API_URL", "https://api.coupontools.example")
    with pytest.raises(SettingsError, match="COUPONTOOLS_CLIENT_ID is not set"):
        ask()
