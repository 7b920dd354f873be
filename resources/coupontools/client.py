"""The HTTP client of one account: limits concurrency and rate, retries where that can help, decodes answers."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

import httpx
import polars as pl
from aiolimiter import AsyncLimiter

from resources.coupontools.answer_decoder import AnswerDecoder
from resources.coupontools.body import TooLargeError, holds_too_many_values, receive_answer
from resources.coupontools.endpoints import ENDPOINTS, READABLE, Endpoint, choose_endpoints
from resources.coupontools.envelope import Failure
from resources.coupontools.error_answers import ErrorAnswers
from resources.coupontools.errors import (
    MAX_BYTES_KEPT,
    BusyError,
    OversizedError,
    ShapeError,
    UnavailableError,
    UnreachableError,
    UnreadableError,
)
from resources.coupontools.json_shape import describe_shape, is_json
from resources.coupontools.masking import MIN_KEY_IN_DATA, MIN_KEY_IN_MESSAGES, make_masker
from resources.coupontools.network import (
    Certificates,
    describe_refused_certificate,
    describe_route,
    open_http,
    proxy_for,
)
from resources.coupontools.page import Page
from resources.coupontools.requests import Credentials, PageRequest, build_request
from resources.coupontools.retry import (
    RequestDeadline,
    RetryGate,
    WaitLog,
    final_error,
    max_tries,
    seconds_to_wait,
)
from resources.coupontools.server_clock import measure_lead
from resources.printable import make_printable
from resources.settings import ApiLimits
from resources.utc import utc_now

T = TypeVar("T")

MAX_READ_TIMEOUTS = 20
"""Read timeouts that a whole answer may take, however slowly it comes."""

_LARGE = 16_000_000
"""Answers of more bytes are decoded one at a time."""

_PAGES_WAITING = 4
"""Pages that may wait to be decoded, in addition to those being requested; bounds the memory."""


@dataclass
class Traffic:
    """What went over the wire."""

    requests: int = 0
    answers: int = 0
    """Good answers."""
    bytes: int = 0
    retries: int = 0
    throttled: int = 0
    """Answers with HTTP 429."""
    clock_lead: timedelta = timedelta(0)
    """By how much the machine's clock was ahead of the API's at the last good answer; 0 where nothing is known."""


@dataclass(frozen=True)
class ClientOptions:
    """How a client speaks to the API."""

    limits: ApiLimits
    versions: str = ""
    """Which versions to read; see `choose_endpoints`."""
    accepts_counts: bool = False
    """Whether a list may give fewer records than the API announces, as somebody has confirmed that it counts wrong."""
    certificates: Certificates = field(default_factory=Certificates)


class Client:
    """A connection to one account, open inside `async with`."""

    def __init__(self, url: str, credentials: Credentials, options: ClientOptions, log: logging.Logger) -> None:
        """Prepare a connection to the API at `url`, its root without `/v3`. Raises SettingsError."""
        limits, proxy = options.limits, proxy_for(url)
        self.traffic = Traffic()
        self.limits = limits
        self.accepts_counts = options.accepts_counts
        self.pages_at_once = limits.concurrency + _PAGES_WAITING
        self.endpoints = choose_endpoints(options.versions)
        self.last_request: PageRequest | None = None
        self._credentials = credentials
        self._http = open_http(url, proxy, limits, options.certificates)
        self._route = describe_route(proxy)
        secrets = (credentials.client_secret, credentials.client_id)
        self._mask_data = make_masker(secrets, MIN_KEY_IN_DATA)
        self._mask_message = make_masker(secrets, MIN_KEY_IN_MESSAGES)
        self._errors = ErrorAnswers(self._route, self._to_line)
        self._requests = asyncio.Semaphore(limits.concurrency)
        self._pages = asyncio.Semaphore(self.pages_at_once)
        self._retrying, self._large = asyncio.Lock(), asyncio.Lock()
        rate = limits.requests_per_second
        self._rate = AsyncLimiter(1, 1 / rate) if rate else None
        self._decoders = ThreadPoolExecutor(pl.thread_pool_size(), thread_name_prefix="decode")
        self._waits = WaitLog(log)
        self._wait_reports: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the connection."""
        await self._http.__aenter__()
        self._wait_reports = asyncio.create_task(self._waits.log_longest())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection; pages that are still being decoded are abandoned."""
        if self._wait_reports:
            self._wait_reports.cancel()
        self._decoders.shutdown(wait=False, cancel_futures=True)
        await self._http.__aexit__(kind, error, traceback)

    def endpoint_with_ids_of(self, part: str, other: Endpoint) -> Endpoint:
        """Return the endpoint of a part that takes the ids of `other`: of its version, if that has the part."""
        return getattr(ENDPOINTS[part], other.version) or self.endpoints[part]

    async def read(self, page_request: PageRequest, decode: Callable[[Page], T], *, checks_json: bool = False) -> T:
        """Request a page and decode it; an answer that cannot be decoded is requested again.

        `decode` runs in a thread, and raises ShapeError for records that it cannot read; see `AnswerDecoder`.

        Raises AccountError, NotAvailableError, ParentNotFoundError and RequestError at once, UnavailableError
        (UnreadableError where there is a body) after the last try.
        """
        if page_request.slice_.endpoint not in READABLE:
            raise ValueError(f"{page_request.slice_.endpoint.path} is not among the endpoints that the export may call")
        decoder = AnswerDecoder(page_request, decode, checks_json)
        deadline, gate = RequestDeadline(self.limits.max_request_seconds), RetryGate(self._retrying)
        async with self._pages:
            try:
                with self._waits.watching(page_request, deadline):
                    return await self._read_with_retries(decoder, deadline, gate)
            finally:
                gate.open()

    async def _read_with_retries(self, decoder: AnswerDecoder[T], deadline: RequestDeadline, gate: RetryGate) -> T:
        page_request, tries = decoder.page_request, 0
        while True:
            tries += 1
            try:
                return await self._read_once(decoder, deadline, gate)
            except UnavailableError as error:
                seconds = seconds_to_wait(error, tries, self.limits.retry_wait)
                has_time = deadline.allows(seconds)
                if not has_time or tries >= max_tries(error, has_answered=bool(self.traffic.answers)):
                    raise final_error(error, tries, deadline) from None
                is_busy = isinstance(error, BusyError)
                is_asked_for = is_busy and bool(error.retry_after)
            # not inside the handler, which would keep the error and its answer in memory
            self.traffic.retries += 1
            if is_busy:
                due = monotonic() + seconds
                await gate.close_to_others()
                seconds = max(0.0, due - monotonic())
            else:
                gate.open()
            deadline.count(seconds)
            if is_asked_for:
                self._waits.log_wait(page_request, seconds)
            await asyncio.sleep(seconds)

    async def _read_once(self, decoder: AnswerDecoder[T], deadline: RequestDeadline, gate: RetryGate) -> T:
        page_request = decoder.page_request
        await gate.pass_through()
        async with self._requests:
            if self._rate:
                await self._rate.acquire()
            requested_at = utc_now()
            with deadline.counting():
                response = await self._send(page_request, deadline)
        self._errors.raise_for_server(response, page_request)
        clock_lead = measure_lead(response)

        def decode() -> T | Failure:
            return decoder.decode_answer(self._mask_data(response.content), response.status_code, requested_at)

        try:
            # in memory a large answer takes many times its length: one at a time
            async with self._large if len(response.content) > _LARGE else nullcontext():
                result = await asyncio.get_running_loop().run_in_executor(self._decoders, decode)
        except ShapeError:
            if response.is_client_error:
                has_answered = bool(self.traffic.answers)
                raise self._errors.of_status(response, page_request, has_answered=has_answered) from None
            body = self._mask_message(response.content)
            message = f"The API answers {page_request} in a shape that is not known: {describe_shape(body)}."
            raise UnreadableError(message, body, page_request.page or 1, is_json=is_json(body)) from None
        if isinstance(result, Failure):
            raise self._errors.of_failure(result, response.status_code, page_request)
        self.traffic.answers += 1
        self.traffic.clock_lead = self.traffic.clock_lead if clock_lead is None else clock_lead
        return result

    async def _send(self, page_request: PageRequest, deadline: RequestDeadline) -> httpx.Response:
        """Send a request and receive the answer with its body. Raises UnavailableError."""
        self.traffic.requests += 1
        self.last_request = page_request
        limit = self.limits.max_answer_bytes
        try:
            async with asyncio.timeout(min(self.limits.read_timeout * MAX_READ_TIMEOUTS, deadline.left)):
                http_request = build_request(self._http, page_request, self._credentials)
                response = await receive_answer(self._http, http_request, limit, self._decoders)
        except TooLargeError as error:
            raise self._too_large(page_request, error.beginning, "bytes") from None
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            raise self._transport_error(error, page_request) from None
        self.traffic.bytes += len(response.content)
        self.traffic.throttled += response.status_code == 429
        if holds_too_many_values(response.content, limit):
            raise self._too_large(page_request, response.content, "objects and lists")
        return response

    def _too_large(self, page_request: PageRequest, body: bytes, excess: str) -> OversizedError:
        # masked before it is cut, because a key that is cut at the end is not found
        beginning = self._mask_message(body[: 2 * MAX_BYTES_KEPT])[:MAX_BYTES_KEPT]
        limit = self.limits.max_answer_bytes
        return OversizedError(str(page_request), excess, limit, beginning, page_request.page or 1)

    def _transport_error(self, error: Exception, page_request: PageRequest) -> UnavailableError:
        reason = self._to_line(str(error)) or type(error).__name__
        if isinstance(error, httpx.DecodingError):
            return UnavailableError(f"The API's answer to {page_request}{self._route} cannot be unpacked ({reason}).")
        if isinstance(error, httpx.ReadTimeout):
            waited = f"for {self.limits.read_timeout:g} seconds (COUPONTOOLS_READ_TIMEOUT)"
            return UnavailableError(f"The API sent nothing more of its answer to {page_request}{self._route} {waited}.")
        if isinstance(error, TimeoutError):
            allowed = f"{MAX_READ_TIMEOUTS} times COUPONTOOLS_READ_TIMEOUT, or COUPONTOOLS_MAX_REQUEST_SECONDS"
            return UnavailableError(f"The API did not end its answer to {page_request}{self._route} in {allowed}.")
        if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            return UnavailableError(f"The API broke off its answer to {page_request}{self._route} ({reason}).")
        url, proxies = self._http.base_url, ", the proxy (HTTPS_PROXY, NO_PROXY)" if self._route else ""
        advice = describe_refused_certificate(reason) or f"Check COUPONTOOLS_API_URL{proxies} and the network."
        return UnreachableError(
            f"{url.host}:{url.port or url.scheme} cannot be reached{self._route} ({reason}). {advice}"
        )

    def _to_line(self, text: str) -> str:
        """Turn a text from outside into one short line without the account's keys."""
        readable = self._mask_message(text.encode("utf-8", "backslashreplace")).decode()
        return make_printable(" ".join(readable.split()))[:300].rstrip(".")
