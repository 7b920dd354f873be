"""Runs the sandbox: in a thread for tests and demos, in the foreground for the command line."""

import socket
import sys
import threading
import time
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import uvicorn

from resources.sandbox.account.account import Account
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.server.app import CLIENT_ID, CLIENT_SECRET, Sandbox
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.faults import Faults
from resources.sandbox.server.request_log import RequestLog
from resources.sandbox.server.webhooks import WebhookSender

LOOPBACK = "127.0.0.1"
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  (compared with what a person has chosen)


class SandboxServer:
    """The embedded API on an address of this machine, while the context lasts; port 0 takes a free one.

    The port is bound on construction and answers from `__enter__` on; `url` is the root to which `/v3/...` is
    appended. Events are sent to the address `webhooks`, if there is one.
    """

    def __init__(
        self,
        account: Account,
        assumptions: Assumptions | None = None,
        clock: Clock | None = None,
        faults: Faults | None = None,
        port: int = 0,
        *,
        host: str = LOOPBACK,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        webhooks: str | None = None,
    ) -> None:
        self._sandbox = Sandbox(
            account,
            assumptions or Assumptions(),
            clock or Clock.real(),
            faults if faults is not None else Faults(),
            client_id,
            client_secret,
        )
        self._socket = _listen(host, port)
        self._host = socket.gethostname() if host == _EVERY_ADDRESS else host
        self._port: int = self._socket.getsockname()[1]
        self._server = _make_server(self._sandbox)
        self._threads = [threading.Thread(target=self._run, name=f"sandbox:{self._port}", daemon=True)]
        if webhooks:
            sandbox = self._sandbox
            sender = WebhookSender(webhooks, account, sandbox.assumptions, sandbox.clock.now, client_secret)
            self._threads.append(threading.Thread(target=sender.run, args=(sandbox.closing,), daemon=True))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sandbox.closing.set()
        self._server.should_exit = True
        for thread in self._threads:
            thread.join()
        self._socket.close()

    @property
    def url(self) -> str:
        """The root of the API, without a slash at its end."""
        return f"http://{self._host}:{self._port}"

    @property
    def client_id(self) -> str:
        """The client id that it accepts."""
        return self._sandbox.client_id

    @property
    def client_secret(self) -> str:
        """The client secret that it accepts."""
        return self._sandbox.client_secret

    @property
    def requests(self) -> RequestLog:
        """The requests answered so far."""
        return self._sandbox.requests

    @property
    def faults(self) -> Faults:
        """The faults that it injects; rules may be added at any time."""
        return self._sandbox.faults

    @property
    def clock(self) -> Clock:
        """The clock that its answers go by."""
        return self._sandbox.clock

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def serve(
    account: Account,
    assumptions: Assumptions | None = None,
    clock: Clock | None = None,
    faults: Faults | None = None,
    port: int = 0,
    host: str = LOOPBACK,
    webhooks: str | None = None,
) -> None:
    """Serve the account until Ctrl-C; print the address and the keys once, to standard output."""
    with SandboxServer(account, assumptions, clock, faults, port, host=host, webhooks=webhooks) as server:
        if not ip_address(socket.gethostbyname(host)).is_loopback:
            sys.stderr.write("Warning: whoever reaches this machine can read and change the made-up account.\n")
        try:
            sys.stdout.write(
                f"Sandbox of the Coupontools API, with made-up data: {server.url}\n"
                f"  COUPONTOOLS_API_URL={server.url}\n"
                f"  COUPONTOOLS_CLIENT_ID={server.client_id}\n"
                f"  COUPONTOOLS_CLIENT_SECRET={server.client_secret}\n"
                "Ctrl-C ends it.\n"
            )
            sys.stdout.flush()
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            sys.stdout.write("Sandbox ended.\n")


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"Port {port} of {host} cannot be taken: {error.strerror}") from None
    # Listening before the server's thread runs: early connections wait instead of being refused.
    listener.listen(512)
    return listener


def _make_server(sandbox: Sandbox) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            sandbox.app(), access_log=False, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
    )
