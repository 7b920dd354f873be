"""Which error an answer of the API means, by its status, its codes and its shape."""

import json
import re

import pytest

from assets.normalise.normalise import PageNormaliser
from assets.tables.directory_registrations import DirectoryRegistration as Registration
from pipelines.definitions import defs
from resources.coupontools.client import Client
from resources.coupontools.errors import (
    AccountError,
    CoupontoolsError,
    NotAvailableError,
    ParentNotFoundError,
    RequestError,
    UnreachableError,
    UnreadableError,
)
from resources.coupontools.pages import PageReader
from resources.coupontools.requests import PageRequest, Slice
from resources.coupontools.retry import MAX_TRIES_IF_PERMANENT
from resources.sandbox.server.faults import Fault
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.client import ask, with_client
from tests.support.fixed_server import replying
from tests.support.raw_server import answering, envelope, http

DAY = {"start": "2026-01-01", "end": "2026-01-01"}


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


def test_a_redirection_is_not_followed_but_named_without_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {"Location": "https://api.example.org/v3/campaign/data?client_secret=hush-hush"}
    with replying({}, "", 301, moved) as url:
        for name, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
        with pytest.raises(RequestError, match=r"HTTP 301, which redirects to https://api\.example\.org/v3/") as error:
            ask()
    assert "hush-hush" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("Location", "302 Found", "HTTP 302, which redirects to https://portal.example/übersicht"),
        ("Retry-After", "429 Too Many Requests", "HTTP 429"),
        ("Date", "302 Found", "HTTP 302"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_header_may_have_any_letters(
    monkeypatch: pytest.MonkeyPatch, name: str, status: str, message: str, encoding: str
) -> None:
    monkeypatch.setenv("COUPONTOOLS_RETRY_WAIT", "0")
    header = f"{name}: https://portal.example/übersicht\r\n".encode(encoding)
    answer = b"HTTP/1.0 %s\r\n%sContent-Length: 0\r\n\r\n" % (status.encode(), header)
    with answering(lambda _: [answer]) as url:
        for variable, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{variable}", value)
        with pytest.raises(CoupontoolsError, match=message):
            ask()


@pytest.mark.parametrize(
    ("status", "errors", "message"),
    [
        (403, "", r"refuses the keys for .* \(HTTP 403: no reason given\): they may not read it"),
        (422, ', "errors": {"error_message": "Not now"}', r"The API refuses .* \(HTTP 422: Not now\)"),
        (200, "", r"The API refuses .* \(error none: no reason given\)"),
    ],
)
def test_an_error_of_the_api_without_a_code_says_the_http_status(
    monkeypatch: pytest.MonkeyPatch, status: int, errors: str, message: str
) -> None:
    with replying({}, f'{{"status": {{"status": "failed"{errors}}}}}', status) as url:
        for variable, value in (("API_URL", url), ("CLIENT_ID", "somebody"), ("CLIENT_SECRET", "hush-hush")):
            monkeypatch.setenv(f"COUPONTOOLS_{variable}", value)
        with pytest.raises(RequestError, match=message):
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


async def read_registrations(client: Client) -> int:
    """Read the registrations of a directory; returns how many there are."""
    slice_ = Slice(client.endpoints["directory_registrations"], "dir_1", constants={"directory_id": "dir_1"})
    decode = PageNormaliser(Registration).normalise
    return (await PageReader(client).read_pages(slice_, decode, lambda _page, _new: None)).records


@pytest.fixture(params=["v3", "v4"])
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The version of the API that is read, in which two pages of a list have a record each."""
    for name, value in (("CLIENT_ID", "me"), ("CLIENT_SECRET", "hush-hush"), ("API_VERSIONS", request.param)):
        monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
    return str(request.param)


@pytest.mark.parametrize(
    ("status", "ends_the_list"),
    [("302 Found", False), ("403 Forbidden", False), ("413 Too Large", False), ("404 Not Found", True)],
)
def test_a_status_that_says_nothing_of_pages_ends_no_list(
    monkeypatch: pytest.MonkeyPatch, version: str, status: str, ends_the_list: bool
) -> None:
    def answer(page: int) -> list[bytes]:
        return [a_registration(version, page) if page < 3 else http(b"", status)]

    with answering(answer) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        if ends_the_list:
            assert with_client(read_registrations) == 2
        else:
            with pytest.raises(RequestError, match=rf"page 3.*HTTP {status[:3]}"):
                with_client(read_registrations)


def test_an_endpoint_that_is_away_from_a_page_on_ends_no_list(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    asked: list[int] = []

    def answer(page: int) -> list[bytes]:
        asked.append(page)
        return [a_registration(version, page) if max(asked) < 3 else http(b"", "404 Not Found")]

    with answering(answer) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        with pytest.raises((RequestError, ParentNotFoundError), match=r"page 1 .*HTTP 404"):
            with_client(read_registrations)
    assert asked == [1, 2, 3, 4, 1]


def test_an_endpoint_that_is_away_for_a_moment_ends_no_list(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    asked: list[int] = []

    def answer(page: int) -> list[bytes]:
        asked.append(page)
        is_away = 3 <= len(asked) <= 4
        return [http(b"", "404 Not Found") if is_away or page > 5 else a_registration(version, page)]

    with answering(answer) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        assert with_client(read_registrations) == 5


def test_a_page_that_is_not_there_before_one_that_is_ends_no_list(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    def answer(page: int) -> list[bytes]:
        return [http(b"", "404 Not Found") if page == 3 else a_registration(version, page)]

    with answering(answer) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        with pytest.raises(RequestError, match=r"page 3 .*HTTP 404.* the page after it has records: run again later"):
            with_client(read_registrations)


def a_registration(version: str, page: int) -> bytes:
    """An answer with one registration."""
    records = [{"id": f"reg_{page}"}]
    return http(json.dumps(records).encode() if version == "v4" else envelope(records))


def test_an_answer_of_another_shape_is_shown_without_its_values_and_kept(serve: Serve) -> None:
    server = serve(account({1: 5}))
    server.faults.add(Fault("wrong_shape", times=None))
    with pytest.raises(UnreadableError, match=r"in a shape that is not known: \[3 x text\]\. Tried 3 times") as error:
        ask()
    assert error.value.page == 1
    assert len(server.requests) == MAX_TRIES_IF_PERMANENT, "JSON of another shape is not likely to change"
    for value in re.findall(rb'"([^"]{6,})"(?!\s*:)', error.value.body):
        assert value.decode() not in str(error.value)


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
