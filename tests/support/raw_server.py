"""A real server that says, byte for byte, what a test wants it to say."""

import json
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.fixed_server import serving

Answers = Callable[[int], Iterable[bytes]]
"""The pieces of a whole HTTP answer to the request for a page."""


@contextmanager
def answering(answers: Answers) -> Iterator[str]:
    """Serve what is made for a page, then close the connection; the value is the root of the API."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            page = re.search(r'"page": ?(\d+)|[?&]page=(\d+)', content + self.path)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError):  # the client has had enough
                for piece in answers(int(page[1] or page[2]) if page else 1):
                    self.wfile.write(piece)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            """Keep quiet."""

    with serving(Handler) as root:
        yield root


def http(body: bytes, status: str = "200 OK", version: str = "1.0", **headers: str) -> bytes:
    """An HTTP answer with a body; a header `content_encoding` is Content-Encoding."""
    sent_headers = {"content-type": "application/json", "content-length": str(len(body))}
    sent_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/{version} {status}", *(f"{name}: {value}" for name, value in sent_headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def envelope(records: Iterable[object], **beside: object) -> bytes:
    """The JSON of a good v3 answer with these sessions."""
    return json.dumps({"status": {"status": "OK"}, **beside, "sessions": list(records)}).encode()
