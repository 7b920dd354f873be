"""The clock of the sandbox; the state of the account is a function of its time."""

import threading
import time
from datetime import UTC, datetime, timedelta


def _naive_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


class Clock:
    """A thread-safe clock: `now = start + speed * real seconds since start`.

    Times are naive UTC datetimes; an aware one is converted.
    """

    def __init__(self, start: datetime, speed: float) -> None:
        self._lock = threading.Lock()
        self._speed = speed
        self._start = _naive_utc(start)
        self._origin = time.monotonic()

    @classmethod
    def frozen(cls, moment: datetime) -> "Clock":
        """Return a clock that stands still at `moment` until it is set or advanced."""
        return cls(moment, speed=0.0)

    @classmethod
    def real(cls) -> "Clock":
        """Return a clock that runs with the machine's time."""
        return cls(datetime.now(UTC), speed=1.0)

    def now(self) -> datetime:
        """Return the present moment, naive UTC."""
        with self._lock:
            return self._now()

    def set(self, moment: datetime) -> None:
        """Jump to `moment` and go on from there at the same speed."""
        with self._lock:
            self._start, self._origin = _naive_utc(moment), time.monotonic()

    def advance(self, step: timedelta) -> None:
        """Jump by `step` (may be negative) and go on from there at the same speed."""
        with self._lock:
            self._start, self._origin = self._now() + step, time.monotonic()

    def _now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._origin) * self._speed)
