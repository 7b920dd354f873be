"""The client against a real server that misbehaves: the right answer, or one clear error."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, TypeVar
from urllib.parse import unquote

import httpx
import pytest

from pipelines.definitions import defs
from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint, choose_endpoints
from resources.coupontools.errors import (
    AccountError,
    CoupontoolsError,
    NotAvailableError,
    ParentNotFoundError,
    RequestError,
    UnavailableError,
    UnreachableError,
    UnreadableError,
)
from resources.coupontools.page import Page
from resources.coupontools.requests import Credentials, PageRequest, Slice, build_request
from resources.coupontools.resource import CoupontoolsResource
from resources.coupontools.retry import MAX_TRIES, MAX_TRIES_IF_PERMANENT
from resources.sandbox.server.app import RateLimit
from resources.sandbox.server.faults import Fault
from resources.settings import SettingsError
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.fixed_server import replying

T = TypeVar("T")
DAY = {"start": "2026-01-01", "end": "2026-01-01"}


def with_client(work: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T:
        async with CoupontoolsResource().connect() as client:
            return await work(client)

    return asyncio.run(run())


SESSIONS = choose_endpoints("")["sessions"]


def ask(campaign: str = "cam_1", start: date | None = None) -> tuple[int, Client]:
    """Read one page of sessions; returns how many records it held by its own account, and the client."""

    async def work(client: Client) -> tuple[int, Client]:
        def decode(page: Page) -> int:
            return page.records.count(b'"session":')

        return await client.read(PageRequest(Slice(SESSIONS, campaign, start), 1), decode), client

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
        ("reset", "The API broke off its answer to v3/campaign/data of campaign cam_1, page 1"),
        ("truncated", "no JSON, or cut off"),
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


@pytest.mark.parametrize("kind", ["429", "503"])
@pytest.mark.parametrize(
    "wait", [{"retry_after": -3600, "as_http_date": True}, {"retry_after": "soon"}, {"retry_after": None}]
)
def test_a_wait_that_says_nothing_is_replaced_by_ours(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: str, wait: dict[str, Any]
) -> None:
    monkeypatch.setenv("COUPONTOOLS_RETRY_WAIT", "0.1")
    server = serve(account({1: 5}))
    server.faults.add(Fault(kind, times=3, **wait))  # type: ignore[arg-type]
    assert ask()[0] == 5
    first, *_, last = (entry.time for entry in server.requests)
    assert (last - first).total_seconds() >= 0.7, "0.1, 0.2 and 0.4 seconds"


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


@pytest.mark.parametrize("error_http_status", ["quoted", "always_200"])
@pytest.mark.parametrize("error_shape", ["documented", "E1", "E2", "E3"])
def test_the_apis_own_errors_are_distinguished_in_every_shape(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, error_http_status: str, error_shape: str
) -> None:
    server = serve(account(), error_http_status=error_http_status, error_shape=error_shape)
    with pytest.raises(ParentNotFoundError, match=r"campaign cam_99, page 1 is no longer in the account \(error 502"):
        ask("cam_99")
    with pytest.raises(RequestError, match="error 301") as refused:
        ask("cam_abc")
    assert refused.value.codes == {301}
    with pytest.raises(RequestError, match="error 303"):
        ask(start="01/02/2026")  # type: ignore[arg-type]
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "not-the-secret")
    with pytest.raises(AccountError, match="COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET") as error:
        ask()
    assert "not-the-secret" not in str(error.value)
    assert len(server.requests) == 4, "none of these is asked for again"


@pytest.mark.parametrize(
    ("code", "kind"), [(101, AccountError), (1000, AccountError), (502, ParentNotFoundError), (604, RequestError)]
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


@pytest.mark.parametrize("status", [401, 403, 407])
def test_a_web_page_that_forbids_is_not_the_apis(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with replying({}, "<!DOCTYPE html><title>Just a moment...</title>", status) as url:
        for name, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
        message = (
            f"^Something between here and the API blocks v3/campaign/data .* a web page with HTTP {status} .*Tried 3"
        )
        with pytest.raises(UnreachableError, match=message):
            ask()


def test_a_403_of_the_api_itself_is_a_refusal_of_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with replying({}, '{"message": "Forbidden"}', 403) as url:
        for name, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
        with pytest.raises(RequestError, match="refuses the keys"):
            ask()


@pytest.mark.parametrize("status", [200, 407])
def test_what_a_proxy_does_is_reported_with_its_name_and_without_its_password(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    requests: list[tuple[str, Mapping[str, str]]] = []
    good = '{"status": {"status": "OK"}, "data": []}'
    with replying({}, good if status == 200 else "", status, requests=requests) as url:
        for name, value in (("API_URL", "http://api.example"), ("CLIENT_ID", "me"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
        monkeypatch.setenv("http_proxy", url.replace("//", "//somebody:pass-word@"))
        monkeypatch.setenv("no_proxy", "10.0.0.0/8,[::1],fd00::/8")
        if status == 200:
            assert ask()[0] == 0
        else:
            with pytest.raises(UnreachableError, match=f"through the proxy {url.removeprefix('http://')}: ") as error:
                ask()
            assert "pass-word" not in str(error.value)
    assert {path for path, _ in requests} == {"http://api.example/v3/campaign/data"}


def test_a_proxy_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("API_URL", "http://api.example"), ("CLIENT_ID", "me"), ("CLIENT_SECRET", "hush-hush")):
        monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
    monkeypatch.setenv("http_proxy", "somebody:pass-word@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(
        UnreachableError, match=r"api.example:http cannot be reached through the proxy 127.0.0.1:9 "
    ) as e:
        ask()
    assert "pass-word" not in str(e.value)


def test_a_cookie_is_not_sent_back(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[tuple[str, Mapping[str, str]]] = []
    good = '{"status": {"status": "OK"}, "data": []}'
    with replying({}, good, headers={"Set-Cookie": "PHPSESSID=1; path=/"}, requests=requests) as url:
        for name, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)

        async def work(client: Client) -> None:
            for _ in range(2):
                await client.read(PageRequest(Slice(client.endpoints["campaigns"])), lambda page: page)

        with_client(work)
    assert len(requests) == 2
    assert not any("Cookie" in headers for _, headers in requests)


def test_an_unreachable_host_is_named(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(account())
    monkeypatch.setenv("COUPONTOOLS_API_URL", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match=r"127.0.0.1:9 cannot be reached .* Check COUPONTOOLS_API_URL"):
        ask()


def test_a_server_that_speaks_no_tls_is_named(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(account())
    monkeypatch.setenv("COUPONTOOLS_API_URL", server.url.replace("http:", "https:"))
    with pytest.raises(UnreachableError, match=r"127.0.0.1:\d+ cannot be reached \(.*SSL.*\)\. .* Tried 3 times"):
        ask()


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[::1", "https://", "http://host:port"])
def test_an_address_that_is_none_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    serve(account())
    monkeypatch.setenv("COUPONTOOLS_API_URL", url)
    with pytest.raises(SettingsError, match="COUPONTOOLS_API_URL is wrong: should start with https:// and a host"):
        ask()


@pytest.mark.parametrize("text", ["<pre>X-Client-Secret: %s, X-Client-Id: %s</pre>", '{"%s": "%s"}'])
def test_an_answer_that_repeats_the_keys_is_kept_without_them(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "hush-hush")
    with replying({}, text % ("hush-hush", "somebody")) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        with pytest.raises(UnreadableError) as error:
            ask()
    assert error.value.body.decode() == text % ("…", "…")
    assert "hush" not in str(error.value)


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


def test_without_an_address_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="COUPONTOOLS_API_URL is not set"):
        ask()
    monkeypatch.setenv("COUPONTOOLS_API_URL", "https://api.coupontools.example")
    with pytest.raises(SettingsError, match="COUPONTOOLS_CLIENT_ID is not set"):
        ask()


def test_an_answer_of_another_shape_is_shown_without_its_values_and_kept(serve: Serve) -> None:
    server = serve(account({1: 5}))
    server.faults.add(Fault("wrong_shape", times=None))
    with pytest.raises(UnreadableError, match=r"in a shape that is not known: \[3 x text\]\. Tried 3 times") as error:
        ask()
    assert error.value.page == 1
    assert len(server.requests) == MAX_TRIES_IF_PERMANENT, "JSON of another shape is not likely to change"
    for value in re.findall(rb'"([^"]{6,})"(?!\s*:)', error.value.body):
        assert value.decode() not in str(error.value)


def test_the_client_asks_no_endpoint_that_is_not_in_the_table(serve: Serve) -> None:
    server = serve(account({1: 5}))
    for path in ("v3/couponsession/update", "v3/singleuse/create", "v3/send/sms", "v3/account/sso"):

        async def work(client: Client, path: str = path) -> None:
            await client.read(PageRequest(Slice(Endpoint(path))), lambda page: page)

        with pytest.raises(ValueError, match="not among the endpoints"):
            with_client(work)
    assert not len(server.requests)


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ("v5", "COUPONTOOLS_API_VERSIONS is wrong"),
        ("campaigns=v4", "There is a choice for loyalty_cards"),
        ("loyalty_users=v9", "COUPONTOOLS_API_VERSIONS is wrong"),
    ],
)
def test_a_version_that_does_not_exist_is_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, versions: str, message: str
) -> None:
    serve(account())
    monkeypatch.setenv("COUPONTOOLS_API_VERSIONS", versions)
    with pytest.raises(SettingsError, match=message):
        ask()


@pytest.mark.parametrize("identifier", ["..", "a/b", "a?b=c", "../../v3/send/sms", "a b", "é%"])
def test_no_id_leads_to_another_path(identifier: str) -> None:
    endpoint = choose_endpoints("")["loyalty_users"]
    keys = Credentials("id", "secret")
    with httpx.Client(base_url="http://127.0.0.1:9") as http:
        url = build_request(http, PageRequest(Slice(endpoint, identifier)), keys).url  # type: ignore[arg-type]
    before, after = b"/v4/loyalty/loyalty-cards/", b"/stats?"
    assert url.raw_path.startswith(before)
    middle = url.raw_path.removeprefix(before).partition(after)[0]
    assert unquote(middle.decode()) == identifier
    assert b"/" not in middle


CODES: list[tuple[str, int, type[CoupontoolsError]]] = [
    *[("campaigns", code, AccountError) for code in (1000, 101)],
    *[("campaigns", code, RequestError) for code in (102, 103, 104, 200, 300, 301, 302, 303, 304, 305, 349, 502)],
    *[("campaigns", code, RequestError) for code in (503, 505, 507, 509, 510, 514, 515, 604)],
    ("subaccounts", 102, NotAvailableError),
    ("sms_groups", 103, NotAvailableError),
    ("email_groups", 104, NotAvailableError),
    ("campaign_info", 502, ParentNotFoundError),
    ("sessions", 502, ParentNotFoundError),
    ("sessions", 505, RequestError),
    ("loyalty_users", 505, ParentNotFoundError),
    ("loyalty_users", 507, ParentNotFoundError),
    ("directory_info", 507, ParentNotFoundError),
    ("directory_registrations", 507, ParentNotFoundError),
    ("directory_registrations", 502, RequestError),
    ("subaccount_info", 510, ParentNotFoundError),
    ("sms_contacts", 514, ParentNotFoundError),
]


@pytest.mark.parametrize(("part", "code", "kind"), CODES)
def test_every_error_code_means_what_it_means_at_its_endpoint(
    serve: Serve, part: str, code: int, kind: type[CoupontoolsError]
) -> None:
    server = serve(account())
    server.faults.add(Fault("failed", error_code=code, times=None))

    async def work(client: Client) -> None:
        endpoint = client.endpoints[part]
        parent = "1" if endpoint.parent else None
        await client.read(PageRequest(Slice(endpoint, parent)), lambda page: page)

    with pytest.raises(kind, match=f"error {code}"):
        with_client(work)
    assert len(server.requests) == 1, "an application code is never asked for again"


def test_an_account_that_refused_once_is_not_asked_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(account())
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "not-the-secret")
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        run_config={"ops": {name: {"config": DAY} for name in ("coupon_sessions", "directory_registrations")}},
        raise_on_error=False,
    )
    assert not result.success
    assert len(server.requests) == 1
