"""A receiver of events on loopback, and events as the sandbox and others may send them."""

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import polars as pl

from assets.ingest.destination import RunResources
from assets.webhooks.intake import EventIntake, open_inbox
from assets.webhooks.update import Updated, update_from_events
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.requests import Credentials
from resources.warehouse.warehouse import Warehouse
from resources.webhooks.inbox import Inbox
from resources.webhooks.receiver import Intake, WebhookReceiver
from resources.webhooks.server import listen, make_server
from resources.webhooks.signature import sign

TOKEN = "0123456789abcdef"
SECRET = "sandbox-secret"


@contextmanager
def receiving(intake: Intake) -> Iterator[str]:
    """Receive events for an intake on a free port; the value is the address with the token."""
    listener = listen("127.0.0.1", 0)
    server = make_server(WebhookReceiver(TOKEN, intake).app())
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{TOKEN}"
    finally:
        server.should_exit = True
        thread.join()


def receive(*bodies: bytes, is_signed: bool = True, secret: str = SECRET) -> None:
    """Put events into the inbox of the environment's folder, as the receiver does; they are signed by this secret."""
    with closing(Warehouse()) as warehouse:
        warehouse.folder.make()
        open_inbox(warehouse).make()
        intake = EventIntake(warehouse, Credentials("sandbox-client", SECRET), lambda: None)
        intake.store([intake.read(body, sign(body, secret.encode()) if is_signed else None) for body in bodies])


def update() -> Updated:
    """Bring the stage up to date with the events of the inbox, as a run does."""
    with closing(Warehouse()) as warehouse:
        return update_from_events(RunResources(CoupontoolsAccount(), warehouse, logging.getLogger("tests")))


def event(name: str, **fields: object) -> bytes:
    """The body of an event."""
    return json.dumps({"id": f"evt_{name}", "type": "coupon_validated", **fields}).encode()


def send(url: str, body: bytes, *, is_signed: bool = True, secret: str = SECRET) -> httpx.Response:
    """Send a body, with the right signature or without any."""
    return httpx.post(url, content=body, headers={"x-hmac": sign(body, secret.encode())} if is_signed else {})


def waiting(data_dir: Path) -> dict[str, list[str]]:
    """The ids of the events in the inbox of a data folder, sorted, by what is known of them."""
    inbox = Inbox(data_dir / ".state" / "webhooks")
    return {
        state: sorted(ids)
        for state in ("verified", "waiting", "refused")
        if (ids := _ids(frame for name in inbox.list_files(state) if (frame := inbox.read(name)) is not None))
    }


def _ids(frames: Iterator[pl.DataFrame] | Sequence[pl.DataFrame]) -> list[str]:
    return [event_id for frame in frames for event_id in frame["event_id"]]
