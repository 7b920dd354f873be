"""Breaking a connection: what no ASGI message can express, done on uvicorn's transport."""

import asyncio
import os
import socket
import struct

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

TRANSPORT = "sandbox.transport"


def with_transport(app: ASGIApp) -> ASGIApp:
    """Let an application reach the connection, which uvicorn keeps behind the `send` that it hands over."""

    async def reachable(scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await app(scope, receive, send)

    return reachable


async def send_half(response: Response, send: Send) -> None:
    """Send the head of an answer, which promises all of the body, and half of the body."""
    head = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
    await send(head)
    half = bytes(response.body)[: len(response.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    # Give the loop a turn to hand the half to the network.
    await asyncio.sleep(0.01)


async def reset(scope: Scope, receive: Receive) -> None:
    """Break the connection at once, with a TCP reset instead of an orderly end."""
    transport: asyncio.Transport = scope[TRANSPORT]
    linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
