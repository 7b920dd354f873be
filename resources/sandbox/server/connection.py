"""Sends partial answers and breaks connections on uvicorn's transport, which ASGI messages cannot express."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRANSPORT = "sandbox.transport"
MAX_PIECES = 40
"""Pieces of a body that is sent slowly."""


def expose_transport(app: ASGIApp) -> ASGIApp:
    """Let an application reach the connection, which uvicorn keeps behind the `send` that it hands over."""

    async def reachable(scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await app(scope, receive, send)

    return reachable


async def send_half(response: Response, send: Send, *, in_chunks: bool = False) -> None:
    """Send the head of an answer, which promises all of the body or chunks of it, and half of the body."""
    body = bytes(response.body)
    await send(_make_head(response, in_chunks=in_chunks))
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    # Let the event loop hand the half to the network.
    await asyncio.sleep(0.01)


async def send_slowly(response: Response, send: Send, wait: Callable[[float], Awaitable[None]], seconds: float) -> None:
    """Send an answer in small pieces, and call `wait` before each, for `seconds` in all."""
    body = bytes(response.body)
    size = len(body) // MAX_PIECES + 1
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    await send(_make_head(response))
    for piece in pieces:
        await wait(seconds / len(pieces))
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


def _make_head(response: Response, *, in_chunks: bool = False) -> Message:
    # without a length, uvicorn sends the body in chunks
    headers = [header for header in response.raw_headers if not (in_chunks and header[0] == b"content-length")]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


async def close_connection(scope: Scope, receive: Receive) -> None:
    """Close the connection in an orderly way, whatever the head of the answer has promised."""
    transport: asyncio.Transport = scope[TRANSPORT]
    transport.close()
    await _wait_for_disconnect(receive)


async def reset_connection(scope: Scope, receive: Receive) -> None:
    """Break the connection at once, with a TCP reset instead of an orderly end."""
    transport: asyncio.Transport = scope[TRANSPORT]
    if not transport.is_closing():  # the client may have left
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
