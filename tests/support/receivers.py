"""Real receivers of alerts on loopback: a web server that takes JSON, and a mail server."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.support.fixed_server import serving

PATH = "T0ken-in-the-path"
"""What stands in the address of the web server and is as secret as a password."""

PASSWORD = "passw0rd-of-mail"


@dataclass
class WebReceiver:
    """What was posted to `address`, as long as `status` says that it is taken; it is answered after some seconds."""

    address: str = ""
    status: int = 200
    seconds: float = 0
    messages: list[dict[str, str]] = field(default_factory=list)

    def take(self) -> list[str]:
        """The texts that have come since this was last asked."""
        texts = [f"{message['title']}\n{message['message']}" for message in self.messages]
        self.messages.clear()
        return texts


@contextmanager
def web_receiver() -> Iterator[WebReceiver]:
    """Serve a receiver of JSON."""
    receiver = WebReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if receiver.status == 200 and self.path.startswith(f"/{PATH}"):
                receiver.messages.append(body)
            time.sleep(receiver.seconds)
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Keep quiet."""

    with serving(Handler) as root:
        receiver.address = f"{root.replace('http', 'json')}/{PATH}"
        yield receiver


@dataclass
class MailReceiver:
    """What was mailed to `address`."""

    address: str = ""
    texts: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = message_from_bytes(content, policy=policy.default)
        part = mail.get_body(("plain", "html"))
        self.texts.append(f"{mail['subject']}\n{part.get_content() if part else ''}")
        return "250 OK"


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """Serve a mailbox."""
    receiver = MailReceiver()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(
        receiver,
        hostname="127.0.0.1",
        port=port,
        authenticator=lambda *_arguments: AuthResult(success=True),
        auth_require_tls=False,
    )
    controller.start()
    try:
        receiver.address = f"mailto://sender:{PASSWORD}@127.0.0.1:{port}?from=export@example.com&to=ops@example.com"
        yield receiver
    finally:
        controller.stop()
