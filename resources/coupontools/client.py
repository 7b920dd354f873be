"""One account's API over HTTP: asks politely, tries again where that can help, and says clearly where it cannot."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from resources.coupontools.endpoints import Endpoint
from resources.coupontools.envelope import Answer, Failure, ShapeError, opened
from resources.coupontools.errors import (
    AccountError,
    CoupontoolsError,
    GoneError,
    RequestError,
    UnavailableError,
    UnreachableError,
)
from resources.settings import ApiLimits

T = TypeVar("T")

TRIES = 6
FIRST_TRIES = 3
LONGEST_WAIT = 120.0
"""Seconds: the most that a server's Retry-After can make us wait."""

_ACCOUNT_CODES = frozenset({1000, 101})
_PAGES_WAITING = 4
"""Pages that may wait for their decoding beside those being asked for: the bound on memory."""


@dataclass
class Traffic:
    """What went over the wire; `throttled` counts the answers 429."""

    requests: int = 0
    bytes: int = 0
    retries: int = 0
    throttled: int = 0


class Client:
    """An open connection to one account. Made by `connected`."""

    def __init__(self, http: httpx.AsyncClient, limits: ApiLimits, secrets: tuple[str, ...]) -> None:
        """`secrets` are the texts that no message may show."""
        self.traffic = Traffic()
        self.concurrency = limits.concurrency
        self._http = http
        self._secrets = secrets
        self._requests = asyncio.Semaphore(limits.concurrency)
        self._pages = asyncio.Semaphore(limits.concurrency + _PAGES_WAITING)
        rate = limits.requests_per_second
        self._rate = AsyncLimiter(1, 1 / rate) if rate else None
        self._decoders = ThreadPoolExecutor(2, thread_name_prefix="decode")
        self._backoff = wait_exponential_jitter(multiplier=limits.retry_wait, max=30, jitter=limits.retry_wait)
        self._longest_answer = limits.read_timeout * 20

    async def read(
        self, endpoint: Endpoint, parameters: Mapping[str, object], decode: Callable[[Answer, datetime], T], where: str
    ) -> T:
        """Ask `endpoint`, and decode its answer, which is asked for again if it cannot be decoded.

        `decode` gets the answer and the time (naive UTC) at which it was asked for, runs in a thread, and raises
        ShapeError for a body that is none; `where` says in messages what was asked for.

        Raises AccountError, GoneError and RequestError at once, UnavailableError after the last try.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(UnavailableError),
            stop=self._stop,
            wait=self._wait,
            before_sleep=self._count_retry,
            reraise=True,
        )
        async with self._pages:
            try:
                return await retrying(self._attempt, endpoint, parameters, decode, where)
            except UnavailableError as error:
                tries = retrying.statistics["attempt_number"]
                again = "Run the same command again later: what was read so far is kept."
                raise UnavailableError(f"{error} Tried {tries} times. {again}") from None

    async def _attempt(
        self, endpoint: Endpoint, parameters: Mapping[str, object], decode: Callable[[Answer, datetime], T], where: str
    ) -> T:
        async with self._requests:
            if self._rate:
                await self._rate.acquire()
            asked_at = datetime.now(UTC).replace(tzinfo=None)
            response = await self._post(endpoint, parameters, where)
        self._refuse_http_error(response, where)

        def decoded() -> T | Failure:
            answer = opened(response.content, endpoint.records)
            return answer if isinstance(answer, Failure) else decode(answer, asked_at)

        try:
            result = await asyncio.get_running_loop().run_in_executor(self._decoders, decoded)
        except ShapeError as error:
            if response.is_client_error:
                raise self._not_the_api(response.status_code, where) from None
            raise UnavailableError(f"The API answers {where} with {error}.") from None
        if isinstance(result, Failure):
            raise self._refusal(endpoint, result, where)
        return result

    async def _post(self, endpoint: Endpoint, parameters: Mapping[str, object], where: str) -> httpx.Response:
        self.traffic.requests += 1
        try:
            async with asyncio.timeout(self._longest_answer):
                response = await self._http.post(endpoint.path, json=parameters)
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            reason = self._told(str(error)) or type(error).__name__
            if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                address = f"{self._http.base_url.host}:{self._http.base_url.port or 'https'}"
                raise UnreachableError(
                    f"{address} cannot be reached ({reason}). Check COUPONTOOLS_API_URL and the network."
                ) from None
            raise UnavailableError(f"The API broke off its answer to {where} ({reason}).") from None
        self.traffic.bytes += len(response.content)
        self.traffic.throttled += response.status_code == 429
        return response

    def _refuse_http_error(self, response: httpx.Response, where: str) -> None:
        """Raise for an HTTP status that is an answer by itself; a 4xx may still carry the API's own error."""
        status = response.status_code
        if status in (408, 429) or status >= 500:
            raise UnavailableError(f"The API answers {where} with HTTP {status}.", _retry_after(response))
        if status in (401, 403):
            raise AccountError(f"The API refuses the keys (HTTP {status}) for {where}. {_CHECK_KEYS}")
        if not (response.is_success or response.is_client_error):
            raise self._not_the_api(status, where)

    def _not_the_api(self, status: int, where: str) -> RequestError:
        return RequestError(
            f"The API answers {where} with HTTP {status}. Check that COUPONTOOLS_API_URL is the root of the API, "
            "without /v3, and has not moved."
        )

    def _refusal(self, endpoint: Endpoint, failure: Failure, where: str) -> CoupontoolsError:
        codes = ", ".join(map(str, sorted(failure.codes))) or "none"
        told = f"(error {codes}: {self._told(failure.message)})"
        if 1000 in failure.codes:
            return AccountError(f"The API refuses the keys {told} for {where}. {_CHECK_KEYS}")
        if failure.codes & _ACCOUNT_CODES:
            return AccountError(
                f"The API refuses the account {told} for {where}. Renew it in the dashboard, then run again."
            )
        if failure.codes & endpoint.gone:
            return GoneError(f"{where} is no longer in the account {told}.")
        return RequestError(f"The API refuses {where} {told}.", failure.codes)

    def _told(self, text: str) -> str:
        """A text from outside as one short line without our secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "…") if len(secret) > 3 else text
        return " ".join(text.split())[:300].rstrip(".")

    def _stop(self, state: RetryCallState) -> bool:
        # an address that has never answered is more likely wrong than down, and somebody waits for the word
        never_answered = (
            state.outcome and isinstance(state.outcome.exception(), UnreachableError) and not self.traffic.bytes
        )
        return state.attempt_number >= (FIRST_TRIES if never_answered else TRIES)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, UnavailableError) else None
        return self._backoff(state) if asked is None else min(asked, LONGEST_WAIT)

    def _count_retry(self, _state: RetryCallState) -> None:
        self.traffic.retries += 1


_CHECK_KEYS = "Check COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET."


@asynccontextmanager
async def connected(url: str, client_id: str, client_secret: str, limits: ApiLimits) -> AsyncIterator[Client]:
    """Open a client on the account of these keys; `url` is the root of the API, without `/v3`."""
    http = httpx.AsyncClient(
        base_url=url,
        headers={"X-Client-Id": client_id, "X-Client-Secret": client_secret},
        timeout=httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout, pool=None),
        limits=httpx.Limits(max_connections=limits.concurrency, max_keepalive_connections=limits.concurrency),
    )
    async with http:
        client = Client(http, limits, (client_secret, client_id))
        try:
            yield client
        finally:
            client._decoders.shutdown(wait=False, cancel_futures=True)


def _retry_after(response: httpx.Response) -> float | None:
    """The wait that a `Retry-After` header asks for, in seconds or as a date; None if it is absent or unreadable."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
