"""The ASGI application: rate limit, faults, keys and parameters around the endpoints' answers."""

import asyncio
import math
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from resources.sandbox.account.account import Account
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.endpoints.endpoint import Endpoint, State, find_refusal
from resources.sandbox.endpoints.routes import ENDPOINTS
from resources.sandbox.protocol.parameters import check_parameters
from resources.sandbox.protocol.replies import (
    ApiError,
    Reply,
    make_unauthorized_error,
    reply_with_error,
    reply_with_html,
    reply_with_message,
)
from resources.sandbox.protocol.request import ApiRequest, read_request
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.connection import (
    close_connection,
    expose_transport,
    reset_connection,
    send_half,
    send_slowly,
)
from resources.sandbox.server.faults import Fault, Faults, Kind, replace_answer, spoil_answer
from resources.sandbox.server.openapi import build_document
from resources.sandbox.server.request_log import RequestEntry, RequestLog

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"


class RateLimit:
    """A token bucket over all requests: as many at once as a second allows, then evenly; thread safe."""

    def __init__(self, per_second: float | None) -> None:
        self._lock = threading.Lock()
        self._rate = per_second or math.inf
        self._tokens = self._capacity = max(1.0, self._rate)
        self._filled = time.monotonic()

    def wait(self) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        if self._rate == math.inf:
            return 0.0
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._capacity, self._tokens + (now - self._filled) * self._rate)
            self._filled = now
            if self._tokens >= 1:
                self._tokens -= 1
                return 0.0
            return (1 - self._tokens) / self._rate


@dataclass(frozen=True)
class Sandbox:
    """A served account with everything that decides its answers."""

    account: Account
    assumptions: Assumptions = field(default_factory=Assumptions)
    clock: Clock = field(default_factory=Clock.real)
    faults: Faults = field(default_factory=Faults)
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    requests: RequestLog = field(default_factory=RequestLog)
    closing: threading.Event = field(default_factory=threading.Event)
    writing: threading.Lock = field(default_factory=threading.Lock)
    """Held by a request that changes the account, so that no other changes it between its reading and its writing."""

    def app(self) -> ASGIApp:
        """Return the ASGI application that serves it."""
        limit = RateLimit(self.assumptions.requests_per_second)
        routes = [
            Route(f"/{endpoint.path}", _Answer(self, endpoint, limit), methods=self._methods(endpoint))
            for endpoint in ENDPOINTS
        ]
        routes.append(Route("/openapi.json", _Document(build_document(ENDPOINTS, self.assumptions)), methods=["GET"]))
        refuse = partial(_refuse, self)
        return expose_transport(Starlette(routes=routes, exception_handlers={404: refuse, 405: refuse}))

    def _methods(self, endpoint: Endpoint) -> list[str]:
        can_get = self.assumptions.allow_get and endpoint.method == "POST" and not endpoint.writes
        return [endpoint.method, "GET"] if can_get else [endpoint.method]

    def is_authorized(self, request: ApiRequest) -> bool:
        """Return whether the right keys came in an accepted way, and still work."""
        sent = [keys for way, keys in request.keys.items() if way in self.assumptions.authentication]
        return not self.faults.revoked and (self.client_id, self.client_secret) in sent

    def log(self, request: ApiRequest, status: int, began: float, fault: Kind | None = None) -> None:
        """Add an answered request to the log."""
        self.requests.append(
            RequestEntry(
                time=self.clock.now(),
                method=request.method,
                path=request.path,
                parameters=request.parameters,
                authentication=tuple(request.keys),
                status=status,
                fault=fault,
                began=began,
                ended=time.monotonic(),
            )
        )


class _Answer:
    """The ASGI application of one endpoint."""

    def __init__(self, sandbox: Sandbox, endpoint: Endpoint, limit: RateLimit) -> None:
        self._sandbox, self._endpoint, self._limit = sandbox, endpoint, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        request = await read_request(Request(scope, receive))
        wait = self._limit.wait()
        fault = None if wait else self._sandbox.faults.pick(request.path, request.parameters)
        kind = fault.kind if fault else None
        if kind == "reset":
            self._sandbox.log(request, 0, began, kind)
            await reset_connection(scope, receive)
            return
        if fault is not None and kind == "stall":
            await self._stall(fault.seconds)
        if wait:
            reply = reply_with_html(429, "Too Many Requests", {"retry-after": str(math.ceil(wait))})
        else:
            reply = await run_in_threadpool(self._reply, request, fault)
        self._sandbox.log(request, reply.status, began, kind)
        response = Response(reply.body, reply.status, dict(reply.headers), media_type=reply.content_type)
        await self._send(response, fault, scope, receive, send)

    async def _send(self, response: Response, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        match fault:
            case Fault(kind="reset_in_body"):
                await send_half(response, send)
                await reset_connection(scope, receive)
            case Fault(kind="short_body" | "cut_chunks"):
                await send_half(response, send, in_chunks=fault.kind == "cut_chunks")
                await close_connection(scope, receive)
            case Fault(kind="drip"):
                await send_slowly(response, send, self._stall, fault.seconds)
            case _:
                await response(scope, receive, send)

    async def _stall(self, seconds: float) -> None:
        """Wait, but not longer than the server runs: a pending answer would delay its shutdown."""
        until = time.monotonic() + seconds
        # Another thread ends the server, so this cannot be an asyncio.Event.
        while (rest := until - time.monotonic()) > 0 and not self._sandbox.closing.is_set():  # noqa: ASYNC110
            await asyncio.sleep(min(rest, 0.05))

    def _reply(self, request: ApiRequest, fault: Fault | None) -> Reply:
        assumptions = self._sandbox.assumptions
        reply = replace_answer(fault, assumptions) if fault else None
        if reply is None:
            reply = self._endpoint_reply(request)
            reply = spoil_answer(fault, reply) if fault else reply
        is_plain = "content-encoding" not in reply.headers
        return reply.compressed() if assumptions.gzip and request.accepts_gzip and is_plain else reply

    def _endpoint_reply(self, request: ApiRequest) -> Reply:
        sandbox = self._sandbox
        try:
            if not sandbox.is_authorized(request):
                raise make_unauthorized_error()
            if refused := find_refusal(sandbox.account.standing, self._endpoint.needs):
                raise refused
            check_parameters(self._endpoint.parameters, request)
            state = State(sandbox.account, sandbox.assumptions, sandbox.clock.now())
            with sandbox.writing if self._endpoint.writes else nullcontext():
                return self._endpoint.answer(request, state)
        except ApiError as error:
            if self._endpoint.has_plain_error(error.code, sandbox.assumptions):
                return reply_with_message(error)
            return reply_with_error(error, sandbox.assumptions, self._endpoint.error_shape)


class _Document:
    """The ASGI application of the OpenAPI document, which needs no keys."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(self._body, media_type="application/json")(scope, receive, send)


async def _refuse(sandbox: Sandbox, request: Request, error: Exception) -> Response:
    """Answer a path or a method that does not exist."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (404, None)
    began = time.monotonic()
    sandbox.log(await read_request(request), status, began)
    reply = reply_with_html(status, "Method Not Allowed" if status == 405 else "Not Found")
    return Response(reply.body, status, headers, media_type=reply.content_type)
