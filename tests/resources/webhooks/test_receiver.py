"""What is answered to whom: 200 for an event that is stored, a short error for all else."""

import json
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from resources.webhooks import receiver, server
from resources.webhooks.event import MAX_EVENT_BYTES, Event, read_event
from tests.support.webhooks import TOKEN, event, receiving, send


class Kept:
    """An intake that keeps events in memory, once it is open."""

    def __init__(self) -> None:
        self.groups: list[list[Event]] = []
        self.open = threading.Event()
        self.open.set()
        self.refused = ""

    def read(self, body: bytes, signature: str | None) -> Event:
        return read_event(body, is_signed=signature is not None)

    def store(self, events: Sequence[Event]) -> None:
        self.open.wait(20)
        if self.refused and any(self.refused.encode() in event.members["id"] for event in events):
            raise ValueError
        self.groups.append(list(events))

    def ids(self) -> list[str]:
        return sorted(json.loads(event.members["id"]) for group in self.groups for event in group)


@pytest.mark.parametrize("end", ["", "/"])
def test_an_event_is_answered_once_it_is_stored(end: str) -> None:
    kept = Kept()
    with receiving(kept) as url:
        answer = send(f"{url}{end}", event("1"))
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert kept.ids() == ["evt_1"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "another-token", event("1"), 404),
        ("POST", f"{TOKEN}x", event("1"), 404),
        ("POST", f"{TOKEN}/more", event("1"), 404),
        ("POST", "", event("1"), 404),
        ("POST", "%ff%00", event("1"), 404),
        ("GET", TOKEN, b"", 405),
        ("PUT", TOKEN, event("1"), 405),
        ("POST", TOKEN, b"", 400),
        ("POST", TOKEN, b"id=evt_1", 400),
        ("POST", TOKEN, b'["evt_1"]', 400),
        ("POST", TOKEN, b'{"id":"evt_1"', 400),
        ("POST", TOKEN, b'{"id":"evt_\xff"}', 400),
        ("POST", TOKEN, b'{"a":' * 500 + b"1" + b"}" * 500, 400),
        ("POST", TOKEN, b'{"a":[' + b"[]," * 30_000 + b"[]]}", 400),
        ("POST", TOKEN, b'{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}', 413),
    ],
)
def test_anything_else_gets_a_short_error_and_changes_nothing(method: str, path: str, body: bytes, status: int) -> None:
    kept = Kept()
    with receiving(kept) as url:
        answer = httpx.request(method, url.replace(TOKEN, path), content=body)
    assert answer.status_code == status
    assert len(answer.content) < 200
    assert answer.json()["status"] == "failed"
    assert kept.groups == []


def test_a_burst_is_stored_in_a_few_groups() -> None:
    kept = Kept()
    kept.open.clear()
    with receiving(kept) as url, ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(send, url, event(f"{number:02}")) for number in range(20)]
        time.sleep(3)  # until all of them have arrived, also on a busy machine
        kept.open.set()
        assert {answer.result().status_code for answer in answers} == {200}
    assert kept.ids() == [f"evt_{number:02}" for number in range(20)]
    assert len(kept.groups) < 10


def test_whoever_comes_on_top_of_what_may_wait_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MAX_EVENTS_WAITING", 2)
    kept = Kept()
    kept.open.clear()
    with receiving(kept) as url, ThreadPoolExecutor(2) as pool:
        first = [pool.submit(send, url, event(str(number))) for number in range(2)]
        time.sleep(0.5)
        turned_away = send(url, event("3"))
        kept.open.set()
        assert {answer.result().status_code for answer in first} == {200}
        again = send(url, event("3"))
    assert (turned_away.status_code, turned_away.headers["retry-after"]) == (503, "2")
    assert again.status_code == 200
    assert kept.ids() == ["evt_0", "evt_1", "evt_3"]


def test_bodies_that_wait_have_a_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MAX_BYTES_WAITING", 1_000)
    with receiving(Kept()) as url:
        assert send(url, event("1", text="x" * 2_000)).status_code == 503
        assert send(url, event("1", text="x" * 500)).status_code == 200


def test_an_event_that_cannot_be_stored_keeps_no_other_out() -> None:
    kept = Kept()
    kept.open.clear()
    kept.refused = "bad"
    with receiving(kept) as url, ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(send, url, event(name)) for name in ("1", "bad", "2")]
        time.sleep(0.5)
        kept.open.set()
        assert [answer.result().status_code for answer in answers] == [200, 503, 200]
    assert kept.ids() == ["evt_1", "evt_2"]


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MAX_SECONDS_OF_A_BODY", 0.2)
    with receiving(Kept()) as url, socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as sender:
        sender.sendall(f"POST /{TOKEN} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
        assert sender.recv(1_000).startswith(b"HTTP/1.1 408 ")


def test_a_connection_too_many_is_closed_at_once_and_the_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    kept = Kept()
    with receiving(kept) as url:
        address = ("127.0.0.1", urlsplit(url).port or 0)
        with socket.create_connection(address) as first, socket.create_connection(address) as second:
            assert _read(second) == b""
            body = event("1")
            first.sendall(f"POST /{TOKEN} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            assert first.recv(1_000).startswith(b"HTTP/1.1 200 ")
    assert kept.ids() == ["evt_1"]


def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_SECONDS_OF_SILENCE", 0.2)
    with receiving(Kept()) as url, socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as silent:
        silent.sendall(b"POST /")
        assert _read(silent) == b""


def _read(connection: socket.socket) -> bytes:
    connection.settimeout(5)
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return b""
