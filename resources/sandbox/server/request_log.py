"""The log of the requests that the sandbox has answered, for tests."""

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import overload

from resources.sandbox.assumptions import AuthenticationWay
from resources.sandbox.server.faults import Kind


@dataclass(frozen=True)
class RequestEntry:
    """One answered request; it never holds keys."""

    time: datetime
    """The sandbox clock's moment of the answer, naive UTC."""
    method: str
    path: str
    """Without the leading slash: `v3/coupon/list`."""
    parameters: Mapping[str, object]
    """Decoded from the body or the query string; absent, null and "" are left out."""
    authentication: tuple[AuthenticationWay, ...]
    """The ways in which keys were sent, right or wrong."""
    status: int
    """The HTTP status sent; 0 if the connection was reset before any was."""
    fault: Kind | None
    began: float
    """Seconds of `time.monotonic()` at which the request had arrived."""
    ended: float
    """Seconds of `time.monotonic()` at which the answer was ready to be sent."""


class RequestLog(Sequence[RequestEntry]):
    """The last 100,000 requests, oldest first; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[RequestEntry] = deque(maxlen=100_000)

    @overload
    def __getitem__(self, index: int) -> RequestEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[RequestEntry]: ...
    def __getitem__(self, index: int | slice) -> RequestEntry | list[RequestEntry]:
        return self._snapshot()[index]

    def __iter__(self) -> Iterator[RequestEntry]:
        return iter(self._snapshot())

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, entry: RequestEntry) -> None:
        """Add an entry."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()

    def _snapshot(self) -> list[RequestEntry]:
        with self._lock:
            return list(self._entries)
