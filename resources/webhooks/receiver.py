"""The application that receives events: an answer of 200 says that the event is on disk, any other that it is not.

Events are stored in groups: while one group is on its way to disk, those that come meanwhile wait for the next, so that
a burst costs a few writes and not one each. What waits in memory is bounded; senders beyond that are asked to retry.
No content of an event is ever logged.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from resources.printable import make_printable
from resources.warehouse.errors import WarehouseError
from resources.webhooks.event import MAX_EVENT_BYTES, Event, InvalidEventError
from resources.webhooks.signature import HEADER

MAX_EVENTS_WAITING = 2_000
MAX_BYTES_WAITING = 64_000_000
"""Events, and bytes of their bodies, that may be in memory at one time."""

MAX_EVENTS_OF_A_GROUP = 1_000
MAX_SECONDS_OF_A_BODY = 10.0
"""How long a sender may take for the body of an event."""

_LARGE = 50_000
"""Bodies of more bytes are read in a thread, so that others are answered meanwhile."""

RETRY_AFTER = 2
"""Seconds after which a sender that was turned away should retry."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_log = logging.getLogger(__name__)


class Intake(Protocol):
    """What reads and stores events."""

    def read(self, body: bytes, signature: str | None) -> Event:
        """Read a body. Raises InvalidEventError for what is no event."""
        ...

    def store(self, events: Sequence[Event]) -> None:
        """Write events to disk, all or none. Raises whatever prevents that."""
        ...


class WebhookReceiver:
    """Receives events for an intake; the only path is the token."""

    def __init__(self, token: str, intake: Intake, beside: AbstractAsyncContextManager[object] | None = None) -> None:
        """Keep the token; `beside` is entered before anything is received, and left after that."""
        self._token = token.encode()
        self._intake = intake
        self._beside = beside or nullcontext()
        self._waiting: asyncio.Queue[tuple[Event, asyncio.Future[None]]] = asyncio.Queue()
        self._events = self._bytes = 0
        self._failure: str | None = None

    def app(self) -> Starlette:
        """Return the ASGI application."""
        handlers = dict.fromkeys((404, 405), _answer_error)
        routes = [Route(path, self._answer, methods=_METHODS) for path in ("/{token}", "/{token}/")]
        return Starlette(routes=routes, exception_handlers=handlers, lifespan=self._run)

    @asynccontextmanager
    async def _run(self, _app: Starlette) -> AsyncIterator[None]:
        storing = asyncio.create_task(self._store_groups())
        try:
            async with self._beside:
                yield
        finally:
            storing.cancel()

    async def _answer(self, request: Request) -> JSONResponse:
        token = request.path_params["token"].encode("utf-8", "replace")
        if not hmac.compare_digest(token, self._token):
            return _refuse(404, "not found")
        if request.method != "POST":
            return _refuse(405, "events are sent by POST", {"allow": "POST"})
        if self._events >= MAX_EVENTS_WAITING:
            return _turn_away()
        self._events += 1
        try:
            return await self._receive(request)
        finally:
            self._events -= 1

    async def _receive(self, request: Request) -> JSONResponse:
        """Read the body within its bounds, and answer once the event is stored."""
        parts, size = list[bytes](), 0
        try:
            async with asyncio.timeout(MAX_SECONDS_OF_A_BODY):
                async for part in request.stream():
                    parts.append(part)
                    size += len(part)
                    self._bytes += len(part)
                    if size > MAX_EVENT_BYTES:
                        return _refuse(413, f"an event has {MAX_EVENT_BYTES:,} bytes at most", _CLOSE)
                    if self._bytes > MAX_BYTES_WAITING:
                        return _turn_away()
            body, signature = b"".join(parts), request.headers.get(HEADER)
            if len(body) > _LARGE:
                event = await run_in_threadpool(self._intake.read, body, signature)
            else:
                event = self._intake.read(body, signature)
            return await self._store(event)
        except TimeoutError:
            return _refuse(408, "the body did not come in time", _CLOSE)
        except (InvalidEventError, ClientDisconnect) as error:
            return _refuse(400, f"an event is a JSON object: {error or 'the body ended early'}")
        finally:
            self._bytes -= size

    async def _store(self, event: Event) -> JSONResponse:
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((event, stored))
        try:
            await stored
        except _NotStoredError:
            return _turn_away()
        return JSONResponse({"status": "ok"})

    async def _store_groups(self) -> None:
        while True:
            group = [await self._waiting.get()]
            while len(group) < MAX_EVENTS_OF_A_GROUP and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            await self._store_group(group)

    async def _store_group(self, group: Sequence[tuple[Event, "asyncio.Future[None]"]]) -> None:
        """Store events together; if that cannot be, one by one, so that none of them keeps the others out."""
        try:
            await run_in_threadpool(self._intake.store, [event for event, _ in group])
        except Exception as error:
            is_foreseen = isinstance(error, OSError | WarehouseError)
            if len(group) > 1 and not is_foreseen:
                for one in group:
                    await self._store_group([one])
                return
            self._note_failure(str(error) if is_foreseen else type(error).__name__)
            for _, stored in group:
                stored.set_exception(_NotStoredError())
            return
        self._note_failure(None)
        for _, stored in group:
            stored.set_result(None)

    def _note_failure(self, reason: str | None) -> None:
        """Log why events cannot be stored, once, and that they can be again."""
        if reason and reason != self._failure:
            _log.warning("Events are turned away, as they cannot be stored: %s", make_printable(reason))
        elif self._failure and not reason:
            _log.warning("Events are stored again.")
        self._failure = reason


class _NotStoredError(Exception):
    """An event is not on disk."""


_CLOSE = {"connection": "close"}


def _refuse(status: int, reason: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"status": "failed", "error": reason}, status, headers)


def _turn_away() -> JSONResponse:
    return _refuse(503, "events cannot be taken now: try again later", {"retry-after": str(RETRY_AFTER)})


async def _answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer a request for another path, or with a method that HTTP does not know."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _refuse(status, "not found" if status == 404 else "events are sent by POST")
