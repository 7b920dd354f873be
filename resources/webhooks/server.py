"""Serves the receiver: a socket, and a bound on the connections to it."""

import asyncio
import socket
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

MAX_CONNECTIONS = 500
"""Connections at one time; a further one is closed at once."""

MAX_SECONDS_OF_SILENCE = 15.0
"""How long a connection may be open before its first request has come."""


class _BoundedConnection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # uvicorn chooses the class when it runs
    """A connection that counts towards MAX_CONNECTIONS, and is closed if no request comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        socket_transport = cast("asyncio.Transport", transport)
        if len(self.connections) > MAX_CONNECTIONS:
            socket_transport.abort()
            return
        asyncio.get_running_loop().call_later(MAX_SECONDS_OF_SILENCE, self._close_if_silent, socket_transport)

    def _close_if_silent(self, transport: asyncio.Transport) -> None:
        if self.cycle is None and not transport.is_closing():
            transport.abort()


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen on an address. Raises OSError, whose text names host and port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"Port {port} of {host} cannot be taken: {error.strerror}") from None
    listener.listen(1024)
    return listener


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Make the server of an application: `run(sockets=[…])` serves until SIGINT or SIGTERM.

    Requests that are being received then are answered first.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=_BoundedConnection,
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
