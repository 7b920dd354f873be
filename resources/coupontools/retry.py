"""When a request is sent again: how long to wait, how often to try, and how long one request may take in all."""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import httpx

from resources.coupontools.errors import OversizedError, UnavailableError, UnreachableError, UnreadableError
from resources.coupontools.json_shape import is_html
from resources.coupontools.requests import PageRequest
from resources.coupontools.server_clock import read_date
from resources.utc import utc_now

MAX_TRIES = 6
MAX_TRIES_IF_PERMANENT = 3
"""Tries for failures that look permanent: an address that never answered as the API does, JSON of another shape."""

MAX_RETRY_AFTER = 120.0
"""Seconds: the longest wait that a server's Retry-After can ask for."""

MAX_BACKOFF = 30.0
"""Seconds: the longest wait that grows with the number of tries."""

SECONDS_BETWEEN_REPORTS = 30.0
"""Seconds between two reports of the request that takes longest."""

SECONDS_BETWEEN_WAITS = 5.0
"""Seconds between two logged waits that the server asked for, as short ones are frequent."""

_RUN_AGAIN = "Run the same command again later: what was read so far is kept."


def max_tries(error: UnavailableError, *, has_answered: bool) -> int:
    """How often to try a request that fails like this; `has_answered` if the API has answered any request yet."""
    if isinstance(error, OversizedError):
        return 1
    is_elsewhere = not has_answered and (
        isinstance(error, UnreachableError) or (isinstance(error, UnreadableError) and is_html(error.body))
    )
    is_other_json = isinstance(error, UnreadableError) and error.is_json
    return MAX_TRIES_IF_PERMANENT if is_elsewhere or is_other_json else MAX_TRIES


def seconds_to_wait(error: UnavailableError, tries: int, first_wait: float) -> float:
    """Return the wait before the next try: what the server asks for, or else a doubling one with some jitter."""
    # without a time, or with one in the past, the server would otherwise get all tries at once
    if error.retry_after:
        return min(error.retry_after, MAX_RETRY_AFTER)
    jitter = random.uniform(0, first_wait)  # noqa: S311  (not a secret)
    return min(first_wait * 2.0 ** (tries - 1) + jitter, MAX_BACKOFF)


def parse_retry_after(response: httpx.Response) -> float | None:
    """Read the wait that a `Retry-After` header asks for, in seconds or as a date; None without a readable one."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until, server_time = read_date(response, "Retry-After"), read_date(response) or utc_now()
    return max(0.0, (until - server_time).total_seconds()) if until else None


class RequestDeadline:
    """The seconds that the server may take for one request: for its answers, and for the waits between them.

    Time spent waiting for other requests is not counted.
    """

    def __init__(self, seconds: float) -> None:
        """Begin with all of them left."""
        self.seconds = self.left = seconds
        self.is_exceeded = False
        self._since: float | None = None

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the time that passes inside."""
        self._since = monotonic()
        try:
            yield
        finally:
            self.left -= monotonic() - self._since
            self._since = None

    def count(self, seconds: float) -> None:
        """Count a wait that is about to begin."""
        self.left -= seconds

    def allows(self, seconds: float) -> bool:
        """Whether there is time for another try after a wait; if not, the deadline counts as exceeded."""
        self.is_exceeded = seconds >= self.left
        return not self.is_exceeded

    @property
    def spent(self) -> float:
        """The seconds that were counted so far."""
        return self.seconds - self.left + (monotonic() - self._since if self._since else 0)


class RetryGate:
    """Lets one request at a time retry at a busy server; while it waits, no other is sent.

    If all retried at once, they would use up what the server allows between them, until some fail for good.
    """

    def __init__(self, lock: asyncio.Lock) -> None:
        """One for each request; the lock is shared by all of them."""
        self._lock = lock
        self._is_held = False

    async def close_to_others(self) -> None:
        """Wait until no other request holds the gate, and hold it."""
        if not self._is_held:
            await self._lock.acquire()
            self._is_held = True

    async def pass_through(self) -> None:
        """Wait until no other request holds the gate."""
        if not self._is_held:
            async with self._lock:
                pass

    def open(self) -> None:
        """Let the others pass."""
        if self._is_held:
            self._lock.release()
            self._is_held = False


class WaitLog:
    """Logs what the export waits for, so that it does not look dead."""

    def __init__(self, log: logging.Logger) -> None:
        """Begin with no request under way."""
        self._log = log
        self._under_way: dict[RequestDeadline, PageRequest] = {}
        self._logged_at = -SECONDS_BETWEEN_WAITS

    @contextmanager
    def watching(self, page_request: PageRequest, deadline: RequestDeadline) -> Iterator[None]:
        """Count a request as under way."""
        self._under_way[deadline] = page_request
        try:
            yield
        finally:
            del self._under_way[deadline]

    def log_wait(self, page_request: PageRequest, seconds: float) -> None:
        """Log a wait that the server asks for, unless another one was logged a moment ago."""
        if round(seconds) and monotonic() - self._logged_at >= SECONDS_BETWEEN_WAITS:
            self._logged_at = monotonic()
            self._log.warning(f"Waiting {seconds:.0f} s before retrying {page_request}, because the API asked for it.")

    async def log_longest(self) -> None:
        """Log from time to time which request has been under way for the longest; never returns."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_REPORTS)
            longest = max(self._under_way, key=lambda deadline: deadline.spent, default=None)
            if longest and longest.spent >= SECONDS_BETWEEN_REPORTS:
                self._log.warning(
                    f"{self._under_way[longest]} has been under way for {longest.spent:.0f} s; it is given up after "
                    f"{longest.seconds:.0f} s."
                )


def final_error(error: UnavailableError, tries: int, deadline: RequestDeadline) -> UnavailableError:
    """Complete the error of the last try: it says how many there were, and no longer refers to their answers."""
    message = str(error)
    if not isinstance(error, OversizedError):
        limit = f" in the {deadline.seconds:,.0f} s that COUPONTOOLS_MAX_REQUEST_SECONDS allows"
        message += f" Tried {tries} times{limit if deadline.is_exceeded else ''}."
        message += "" if isinstance(error, UnreadableError) else f" {_RUN_AGAIN}"
    error.args, error.__context__ = (message,), None
    return error.with_traceback(None)
