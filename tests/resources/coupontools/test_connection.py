"""How the client gets to the API: proxies, TLS, addresses, cookies, and what no id or version leads to."""

import asyncio
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote

import httpx
import pytest

from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint, choose_endpoints
from resources.coupontools.errors import UnreachableError
from resources.coupontools.page import Page
from resources.coupontools.requests import Credentials, PageRequest, Slice, build_request
from resources.settings import SettingsError
from tests.conftest import Serve
from tests.support.accounts import account, session
from tests.support.client import SESSIONS, ask, with_client
from tests.support.fixed_server import CERTIFICATE, EXPIRED_CERTIFICATE, replying, serving
from tests.support.raw_server import envelope, http


@pytest.mark.parametrize(("workers", "concurrency"), [("1", 8), ("2", 4), ("5", 1), ("100", 1)])
def test_workers_share_what_the_api_may_be_asked_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, workers: str, concurrency: int
) -> None:
    serve(account({1: 1}))
    monkeypatch.setenv("COUPONTOOLS_WORKERS", workers)
    monkeypatch.setenv("COUPONTOOLS_REQUESTS_PER_SECOND", "10")

    async def limits() -> tuple[int, float | None]:
        async with CoupontoolsAccount().connect() as client:
            return client.limits.concurrency, client.limits.requests_per_second

    assert asyncio.run(limits()) == (concurrency, 10 / int(workers))


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


@pytest.mark.parametrize("more", [http(envelope([]), version="1.1"), b"<!-- 0.1 s -->"])
def test_bytes_after_an_answer_are_no_answer_to_the_next_request(monkeypatch: pytest.MonkeyPatch, more: bytes) -> None:
    answer = http(envelope([session(1)]), version="1.1") + more

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            """Keep quiet."""

    async def work(client: Client) -> tuple[list[int], int]:
        def decode(page: Page) -> int:
            return page.records.count(b'"session":')

        records = [await client.read(PageRequest(Slice(SESSIONS, "cam_1"), number), decode) for number in (1, 2, 3)]
        return records, client.traffic.retries

    with serving(Handler) as url:
        for name, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
        assert with_client(work) == ([1, 1, 1], 0)


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


def test_a_certificate_that_is_not_trusted_is_said_to_be_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with replying({}, '{"status": {"status": "OK"}, "data": []}', certificate=CERTIFICATE) as url:
        for name, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
        with pytest.raises(UnreachableError, match=r"Its certificate is not trusted\. .* SSL_CERT_FILE"):
            ask()
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert ask()[0] == 0
        monkeypatch.setenv("COUPONTOOLS_API_URL", url.replace("127.0.0.1", "localhost"))
        with pytest.raises(UnreachableError, match=r"not valid for 'localhost'.*\)\. Check COUPONTOOLS_API_URL"):
            ask()


def test_a_certificate_of_another_time_is_not_said_to_lack_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(EXPIRED_CERTIFICATE))
    with replying({}, "", certificate=EXPIRED_CERTIFICATE) as url:
        for name, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
        with pytest.raises(
            UnreachableError, match=r"The clock of this machine says \d{4}-.* UTC: set it if that"
        ) as error:
            ask()
    assert "SSL_CERT_FILE" not in str(error.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[::1", "https://", "http://host:port"])
def test_an_address_that_is_none_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    serve(account())
    monkeypatch.setenv("COUPONTOOLS_API_URL", url)
    with pytest.raises(SettingsError, match="COUPONTOOLS_API_URL is wrong: should start with https:// and a host"):
        ask()


def test_without_an_address_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="COUPONTOOLS_API_URL is not set"):
        ask()
    monkeypatch.setenv("COUPONTOOLS_API_URL", "https://api.coupontools.example")
    with pytest.raises(SettingsError, match="COUPONTOOLS_CLIENT_ID is not set"):
        ask()


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
