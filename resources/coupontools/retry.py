"""Asking again: how long the server asks us to wait, and how long one request may take in all."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

import httpx

from resources.coupontools.errors import OversizedError, UnavailableError, UnreadableError
from resources.coupontools.requests import PageRequest


class Patience:
    """The seconds that the server may take for one request: for its answers, and for the waits between them.

    What a request waits for other requests is not counted.
    """

    def __init__(self, seconds: float) -> None:
        """Begin with so many."""
        self.seconds = self.left = seconds
        self.is_over = False
        self._since: float | None = None

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Take off what passes inside."""
        self._since = monotonic()
        try:
            yield
        finally:
            self.left -= monotonic() - self._since
            self._since = None

    def wait(self, seconds: float) -> None:
        """Take off a wait that is to come."""
        self.left -= seconds

    def allows(self, wait: float) -> bool:
        """Whether there is time for another try after such a wait; it is over if not."""
        self.is_over = wait >= self.left
        return not self.is_over

    @property
    def spent(self) -> float:
        """The seconds that the server has taken so far."""
        return self.seconds - self.left + (monotonic() - self._since if self._since else 0)


SECONDS_BETWEEN_WAITS = 30.0
"""How often it is told that an answer is long in coming."""

SECONDS_BETWEEN_PAUSES = 5.0
"""How often it is told that the server asks for waits; short ones come in numbers."""


class Waits:
    """Tells what the export waits for, so that nobody takes it for dead."""

    def __init__(self, log: logging.Logger) -> None:
        """Nothing is under way yet."""
        self._log = log
        self._under_way: dict[Patience, PageRequest] = {}
        self._told_at = -SECONDS_BETWEEN_WAITS

    @contextmanager
    def watching(self, page_request: PageRequest, patience: Patience) -> Iterator[None]:
        """Note that a request is under way, as long as it is."""
        self._under_way[patience] = page_request
        try:
            yield
        finally:
            del self._under_way[patience]

    def tell(self, page_request: PageRequest, seconds: float) -> None:
        """Say that the server asks for a wait, unless another one was told a moment ago."""
        if round(seconds) and monotonic() - self._told_at >= SECONDS_BETWEEN_PAUSES:
            self._told_at = monotonic()
            self._log.warning(f"Waiting {seconds:.0f} s with {page_request}, because the API asked for it.")

    async def tell_long_ones(self) -> None:
        """Say from time to time which answer has been under way for the longest."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_WAITS)
            longest = max(self._under_way, key=lambda each: each.spent, default=None)
            if longest and longest.spent >= SECONDS_BETWEEN_WAITS:
                self._log.warning(
                    f"{self._under_way[longest]} has been under way for {longest.spent:.0f} s; it is given up after "
                    f"{longest.seconds:.0f} s."
                )


def parse_retry_after(response: httpx.Response) -> float | None:
    """The wait that a `Retry-After` header asks for, in seconds or as a date; None if it is absent or unreadable."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def final_error(error: UnavailableError, tries: int, patience: Patience) -> UnavailableError:
    """The error of the last try, with what all of them came to; it no longer holds on to their bodies."""
    if isinstance(error, OversizedError):
        told = str(error)
    else:
        within = (
            f" in the {patience.seconds:,.0f} s that COUPONTOOLS_MAX_REQUEST_SECONDS allows" if patience.is_over else ""
        )
        again = "" if isinstance(error, UnreadableError) else f" {_AGAIN}"
        told = f"{error} Tried {tries} times{within}.{again}"
    error.args, error.__context__ = (told,), None
    return error.with_traceback(None)


_AGAIN = "Run the same command again later: what was read so far is kept."
