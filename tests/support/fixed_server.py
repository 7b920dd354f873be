"""A real server with fixed answers, for shapes that the sandbox never has."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

CERTIFICATE = Path(__file__).parent / "certificate.pem"
"""A key, and its certificate for 127.0.0.1, which nobody has signed but itself."""

EXPIRED_CERTIFICATE = Path(__file__).parent / "expired_certificate.pem"
"""Another one, which was valid for a day in 2001."""


@contextmanager
def replying(
    bodies: Mapping[str, str],
    otherwise: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    requests: list[tuple[str, Mapping[str, str]]] | None = None,
    certificate: Path | None = None,
) -> Iterator[str]:
    """Serve a body for each path, `otherwise` for all others; the value is the root of the API.

    All have the same status and headers. Path and headers of each request are added to `requests`. With a certificate
    it speaks TLS.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            if requests is not None:
                requests.append((self.path, dict(self.headers)))
            body = bodies.get(self.path.partition("?")[0].lstrip("/"), otherwise).encode()
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            """Keep quiet."""

    with serving(Handler, certificate) as root:
        yield root


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], certificate: Path | None = None) -> Iterator[str]:
    """Serve by a handler on a free port of loopback; the value is the root of the API."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if certificate:
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    # the end of the server waits for the end of a pause between two looks: half a second if nothing is said
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
