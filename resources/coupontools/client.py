"""One account's API over HTTP: asks politely, tries again where that can help, and says clearly where it cannot."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import TypeVar

import httpx
import polars as pl
from aiolimiter import AsyncLimiter
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    retry_if_not_exception_type,
    wait_exponential_jitter,
)

from resources.coupontools.body import PACKINGS, TooLargeError, holds_too_many_values, whole_answer
from resources.coupontools.endpoints import ENDPOINTS, READABLE, Endpoint, choose
from resources.coupontools.envelope import Failure, ShapeError, parse_answer
from resources.coupontools.errors import (
    MAX_BYTES_KEPT,
    AccountError,
    BusyError,
    CoupontoolsError,
    NotAvailableError,
    OversizedError,
    ParentNotFoundError,
    RequestError,
    UnavailableError,
    UnreachableError,
    UnreadableError,
)
from resources.coupontools.json_shape import is_html, is_json, shape
from resources.coupontools.masking import MIN_KEY_IN_DATA, MIN_KEY_IN_MESSAGES, masking
from resources.coupontools.network import certificates, proxy_for
from resources.coupontools.page import Page
from resources.coupontools.requests import Credentials, PageRequest, request
from resources.coupontools.retry import Patience, Waits, final_error, parse_retry_after
from resources.coupontools.retry_gate import RetryGate
from resources.printable import make_printable
from resources.settings import ApiLimits

T = TypeVar("T")

MAX_TRIES = 6
MAX_TRIES_IF_PERMANENT = 3
"""For what is more likely wrong than down: an address that never answered as the API does, JSON of another shape."""

MAX_WAIT = 120.0
"""Seconds: the most that a server's Retry-After can make us wait."""

_LARGE = 16_000_000
"""Bytes of an answer from which on one is decoded alone."""

_PAGES_WAITING = 4
"""Pages that may wait for their decoding beside those being asked for: the bound on memory."""


@dataclass
class Traffic:
    """What went over the wire; `answers` counts the good ones, `throttled` those with HTTP 429."""

    requests: int = 0
    answers: int = 0
    bytes: int = 0
    retries: int = 0
    throttled: int = 0


class Client:
    """An open connection to one account. Made by `connected`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        keys: Credentials,
        versions: str,
        limits: ApiLimits,
        log: logging.Logger,
        *,
        accepts_counts: bool,
        proxy: httpx.Proxy | None = None,
    ) -> None:
        """Speak to the API that `http` leads to, by `proxy`; `versions` is for `choose`. Raises SettingsError.

        With `accepts_counts` a list may give fewer records than the API announces: a person says that it counts wrong.
        """
        self.traffic = Traffic()
        self.accepts_counts = accepts_counts
        self.pages_at_once = limits.concurrency + _PAGES_WAITING
        self.endpoints = choose(versions)
        self._http = http
        self._by = f" through the proxy {proxy.url.host}:{proxy.url.port or proxy.url.scheme}" if proxy else ""
        self._keys = keys
        self._masked = masking((keys.client_secret, keys.client_id), MIN_KEY_IN_DATA)
        self._masked_in_news = masking((keys.client_secret, keys.client_id), MIN_KEY_IN_MESSAGES)
        self._requests = asyncio.Semaphore(limits.concurrency)
        self._pages = asyncio.Semaphore(self.pages_at_once)
        self._only, self._large = asyncio.Lock(), asyncio.Lock()
        rate = limits.requests_per_second
        self._rate = AsyncLimiter(1, 1 / rate) if rate else None
        self._decoders = ThreadPoolExecutor(pl.thread_pool_size(), thread_name_prefix="decode")
        self._backoff = wait_exponential_jitter(multiplier=limits.retry_wait, max=30, jitter=limits.retry_wait)
        self._longest_answer = limits.read_timeout * 20
        self.limits = limits
        self.last_asked: PageRequest | None = None
        self._waits = Waits(log)

    def endpoint_beside(self, part: str, other: Endpoint) -> Endpoint:
        """Where a part is read by the ids that `other` uses: in its version, if that has the part."""
        return getattr(ENDPOINTS[part], other.version) or self.endpoints[part]

    async def read(self, page_request: PageRequest, decode: Callable[[Page], T]) -> T:
        """Request a page and decode it; an answer that cannot be decoded is requested again.

        `decode` runs in a thread, and raises ShapeError for records that it cannot read.

        Raises AccountError, NotAvailableError, ParentNotFoundError and RequestError at once, UnavailableError
        (UnreadableError where there is a body) after the last try.
        """
        if page_request.slice_.endpoint not in READABLE:
            raise ValueError(f"{page_request.slice_.endpoint.path} is not among the endpoints that the export may call")
        patience = Patience(self.limits.max_request_seconds)
        turn = RetryGate(self._only)
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(UnavailableError) & retry_if_not_exception_type(OversizedError),
            stop=partial(self._stop, patience),
            wait=self._wait,
            before_sleep=partial(self._before_retry, page_request, turn, patience),
            reraise=True,
        )
        async with self._pages:
            try:
                with self._waits.watching(page_request, patience):
                    async for attempt in retrying:
                        with attempt:  # tenacity would keep what is returned to it until the collector comes by
                            result = await self._attempt(page_request, decode, turn, patience)
                return result
            except UnavailableError as error:
                raise final_error(error, int(retrying.statistics["attempt_number"]), patience) from None
            finally:
                turn.end()

    async def _attempt(
        self, page_request: PageRequest, decode: Callable[[Page], T], turn: RetryGate, patience: Patience
    ) -> T:
        await turn.nobody_elses()
        async with self._requests:
            if self._rate:
                await self._rate.acquire()
            asked_at = datetime.now(UTC).replace(tzinfo=None)
            with patience.counting():
                response = await self._ask(page_request, patience)
        self._refuse_http_error(response, page_request)

        def decode_answer() -> T | Failure:
            slice_, body = page_request.slice_, self._masked(response.content)
            answer = parse_answer(body, response.status_code, slice_.endpoint)
            if isinstance(answer, Failure):
                return answer
            number = page_request.page or 1
            return decode(Page(slice_, number, answer.records, asked_at, answer.place, answer.announced))

        try:
            # in memory a large answer takes many times its length: one at a time
            async with self._large if len(response.content) > _LARGE else nullcontext():
                result = await asyncio.get_running_loop().run_in_executor(self._decoders, decode_answer)
        except ShapeError:
            if response.is_client_error:
                raise self._not_found(response, page_request) from None
            body = self._masked_in_news(response.content)
            message = f"The API answers {page_request} in a shape that is not known: {shape(body)}."
            raise UnreadableError(message, body, page_request.page or 1, is_json=is_json(body)) from None
        if isinstance(result, Failure):
            raise self._refusal(result, response.status_code, page_request)
        self.traffic.answers += 1
        return result

    async def _ask(self, page_request: PageRequest, patience: Patience) -> httpx.Response:
        self.traffic.requests += 1
        self.last_asked = page_request
        try:
            async with asyncio.timeout(min(self._longest_answer, patience.left)):
                asked = request(self._http, page_request, self._keys)
                response = await whole_answer(self._http, asked, self.limits.max_answer_bytes, self._decoders)
        except TooLargeError as error:
            raise self._too_large(page_request, error.beginning, "bytes") from None
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            reason = self._told(str(error)) or type(error).__name__
            if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
                url, proxies = self._http.base_url, ", the proxy (HTTPS_PROXY, NO_PROXY)" if self._by else ""
                raise UnreachableError(
                    f"{url.host}:{url.port or url.scheme} cannot be reached{self._by} ({reason}). "
                    f"Check COUPONTOOLS_API_URL{proxies} and the network."
                ) from None
            raise UnavailableError(f"The API broke off its answer to {page_request}{self._by} ({reason}).") from None
        self.traffic.bytes += len(response.content)
        self.traffic.throttled += response.status_code == 429
        if holds_too_many_values(response.content, self.limits.max_answer_bytes):
            raise self._too_large(page_request, response.content, "objects and lists")
        return response

    def _too_large(self, page_request: PageRequest, body: bytes, what: str) -> OversizedError:
        beginning = self._masked_in_news(body[: 2 * MAX_BYTES_KEPT])[
            :MAX_BYTES_KEPT
        ]  # with no key that is cut at its end
        return OversizedError(str(page_request), what, self.limits.max_answer_bytes, beginning, page_request.page or 1)

    def _refuse_http_error(self, response: httpx.Response, page_request: PageRequest) -> None:
        """Raise for an HTTP status that is an answer by itself; a 4xx may still carry the API's own error."""
        status = response.status_code
        if status in (408, 429) or status >= 500:
            message, wait = f"The API answers {page_request} with HTTP {status}.", parse_retry_after(response)
            is_busy = status == 429 or wait is not None
            raise BusyError(message, wait) if is_busy else UnavailableError(message)
        if not (response.is_success or response.is_client_error):
            raise self._not_the_api(status, page_request)

    def _not_found(self, response: httpx.Response, page_request: PageRequest) -> CoupontoolsError:
        """What an HTTP 4xx means that does not carry the API's own error."""
        status = response.status_code
        if status == 407 or (status in (401, 403, 451) and is_html(response.content)):
            return self._blocked(status, page_request)
        if status == 401:
            return AccountError(f"The API refuses the keys (HTTP {status}) for {page_request}. {_CHECK_KEYS}")
        if status == 403:
            return RequestError(f"The API refuses the keys for {page_request} (HTTP {status}): they may not read it.")
        if status in (404, 405) and page_request.slice_.endpoint.guessed:
            return NotAvailableError(f"The API does not have {page_request.slice_.endpoint.path} (HTTP {status}).")
        if status == 404 and page_request.slice_.parent and page_request.slice_.endpoint.version == "v4":
            return ParentNotFoundError(f"{page_request} is no longer in the account (HTTP {status}).", confirmed=False)
        return self._not_the_api(status, page_request)

    def _blocked(self, status: int, page_request: PageRequest) -> UnavailableError:
        """A web page that forbids: it comes from a firewall or a proxy, for the API answers in JSON."""
        kind = UnavailableError if self.traffic.answers else UnreachableError
        return kind(
            f"Something between here and the API blocks {page_request}{self._by}: a web page with HTTP {status} "
            "instead of an answer. Ask who runs the network, its proxy or the API's firewall to let the export through."
        )

    def _not_the_api(self, status: int, page_request: PageRequest) -> RequestError:
        return RequestError(
            f"The API answers {page_request} with HTTP {status}. Check that COUPONTOOLS_API_URL is the root of the "
            "API, without /v3, and has not moved."
        )

    def _refusal(self, failure: Failure, status: int, page_request: PageRequest) -> CoupontoolsError:
        codes, endpoint = failure.codes, page_request.slice_.endpoint
        told = f"(error {', '.join(map(str, sorted(codes))) or 'none'}: {self._told(failure.message)})"
        if 1000 in codes or (status == 401 and not codes):
            return AccountError(f"The API refuses the keys {told} for {page_request}. {_CHECK_KEYS}")
        if 101 in codes:
            return AccountError(
                f"The API refuses the account {told} for {page_request}. Renew it in the dashboard, then run again."
            )
        if codes & endpoint.not_available_codes:
            return NotAvailableError(f"The account does not have {endpoint.path} {told}.")
        if codes & endpoint.not_found_codes:
            return ParentNotFoundError(f"{page_request} is no longer in the account {told}.")
        return RequestError(f"The API refuses {page_request} {told}.", codes)

    def _told(self, text: str) -> str:
        """A text from outside as one short line without our secrets."""
        readable = self._masked_in_news(text.encode("utf-8", "backslashreplace")).decode()
        return make_printable(" ".join(readable.split()))[:300].rstrip(".")

    def _stop(self, patience: Patience, state: RetryCallState) -> bool:
        if not patience.allows(state.upcoming_sleep):
            return True
        error = state.outcome.exception() if state.outcome else None
        is_elsewhere = not self.traffic.answers and (
            isinstance(error, UnreachableError) or (isinstance(error, UnreadableError) and is_html(error.body))
        )
        is_other_json = isinstance(error, UnreadableError) and error.is_json
        return state.attempt_number >= (MAX_TRIES_IF_PERMANENT if is_elsewhere or is_other_json else MAX_TRIES)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, UnavailableError) else None
        # a server that names no time, or one that is over, would otherwise get all tries at once
        return min(asked, MAX_WAIT) if asked else self._backoff(state)

    async def _before_retry(
        self, page_request: PageRequest, turn: RetryGate, patience: Patience, state: RetryCallState
    ) -> None:
        self.traffic.retries += 1
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, BusyError):
            patience.wait(state.upcoming_sleep)
            turn.end()
            return
        due = monotonic() + state.upcoming_sleep
        await turn.take()
        state.upcoming_sleep = max(0.0, due - monotonic())
        patience.wait(state.upcoming_sleep)
        if error.retry_after:
            self._waits.tell(page_request, state.upcoming_sleep)


_CHECK_KEYS = "Check COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET."


@asynccontextmanager
async def connected(
    url: str, keys: Credentials, versions: str, limits: ApiLimits, log: logging.Logger, *, accepts_counts: bool = False
) -> AsyncIterator[Client]:
    """Open a client on the account of these keys; `url` is the root of the API, without `/v3`. Raises SettingsError."""
    proxy = proxy_for(url)
    http = httpx.AsyncClient(
        base_url=url,
        proxy=proxy,
        trust_env=False,
        # PHP answers those who send its cookie back one after the other
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout, pool=None),
        limits=httpx.Limits(max_connections=limits.concurrency, max_keepalive_connections=limits.concurrency),
        headers={"Accept-Encoding": PACKINGS},
        verify=certificates(),
    )
    async with http:
        client = Client(http, keys, versions, limits, log, accepts_counts=accepts_counts, proxy=proxy)
        waits = asyncio.create_task(client._waits.tell_long_ones())
        try:
            yield client
        finally:
            waits.cancel()
            client._decoders.shutdown(wait=False, cancel_futures=True)
