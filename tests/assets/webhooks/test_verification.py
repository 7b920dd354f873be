"""Events without a right signature are asked about at the API, and decided by what it says."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

import pytest

from assets.webhooks import verification
from assets.webhooks.intake import open_inbox
from assets.webhooks.verification import MAX_EVENTS_OF_A_ROUND, Verifier
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.errors import UnreachableError
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.accounts import campaign, session
from tests.support.webhooks import event, receive, waiting


def name(number: int) -> str:
    """The first letters of a session, which its event has in its id."""
    return f"{number:03}{'x' * 17}"


def account() -> HandmadeAccount:
    validated = {"validated": "1", "validation_date_utc": str(datetime(2026, 3, 10))}
    records = [session(number, session_id=f"{name(number)}y", status=validated) for number in range(60)]
    return HandmadeAccount([campaign(1)], {"cam_1": records})


def verifier() -> Verifier:
    inbox = open_inbox(Warehouse())
    return Verifier(inbox, CoupontoolsAccount, logging.getLogger("tests"))


def asked(server: SandboxServer) -> int:
    return sum(entry.path == "v3/webhook/verification" for entry in server.requests)


def test_an_event_is_verified_if_the_api_confirms_what_it_names(serve: Serve, data_dir: Path) -> None:
    serve(account())
    receive(
        event(name(1)),
        event(name(2), campaign="cam_1", session=f"{name(2)}y"),
        event(name(3), campaign="cam_2"),
        event(name(4), session="another"),
        event("unknown"),
        b'{"id": "no id of the API"}',
        b'{"id": "evt_' + b"x" * 200 + b'"}',
        b'{"type": "without an id"}',
        is_signed=False,
    )
    asyncio.run(verifier().verify_some())
    decided = waiting(data_dir)
    assert decided["verified"] == [f"evt_{name(1)}", f"evt_{name(2)}"]
    assert {f"evt_{name(3)}", f"evt_{name(4)}", "evt_unknown", "no id of the API"} <= set(decided["refused"])
    assert len(decided["refused"]) == 6
    assert "waiting" not in decided


def test_a_wrong_signature_proves_nothing_and_the_api_is_asked(serve: Serve, data_dir: Path) -> None:
    serve(account())
    receive(event(name(1)), event("made-up"), secret="that of somebody else")
    assert waiting(data_dir) == {"waiting": [f"evt_{name(1)}", "evt_made-up"]}
    asyncio.run(verifier().verify_some())
    assert waiting(data_dir) == {"verified": [f"evt_{name(1)}"], "refused": ["evt_made-up"]}


def test_each_event_is_asked_about_once_however_often_it_is_sent(serve: Serve, data_dir: Path) -> None:
    server, verifying = serve(account()), verifier()
    receive(event(name(1)), event(name(1)), is_signed=False)
    asyncio.run(verifying.verify_some())
    receive(event(name(1)), is_signed=False)
    asyncio.run(verifying.verify_some())
    assert asked(server) == 1
    assert waiting(data_dir) == {"verified": [f"evt_{name(1)}"] * 3}


def test_a_round_asks_no_more_than_it_may_and_the_next_ones_the_rest(serve: Serve, data_dir: Path) -> None:
    server, verifying = serve(account()), verifier()
    receive(*(event(name(number)) for number in range(60)), is_signed=False)
    asyncio.run(verifying.verify_some())
    assert asked(server) == MAX_EVENTS_OF_A_ROUND
    for _ in range(2):
        asyncio.run(verifying.verify_some())
    assert asked(server) == 60
    assert len(waiting(data_dir)["verified"]) == 60


def test_an_id_is_not_spoilt_by_an_event_that_names_another_session_with_it(serve: Serve, data_dir: Path) -> None:
    serve(account())
    verifying = verifier()
    receive(event(name(1), session="another"), is_signed=False)
    asyncio.run(verifying.verify_some())
    receive(event(name(1), session=f"{name(1)}y"), is_signed=False)
    asyncio.run(verifying.verify_some())
    assert waiting(data_dir) == {"verified": [f"evt_{name(1)}"], "refused": [f"evt_{name(1)}"]}


def test_an_event_that_the_api_cannot_answer_about_waits_and_keeps_no_other_waiting(
    serve: Serve, data_dir: Path
) -> None:
    server = serve(account())
    server.faults.add(Fault("500", when=lambda asked: asked["webhook"] == f"evt_{name(1)}", times=None))
    receive(event(name(1)), event(name(2)), is_signed=False)
    asyncio.run(verifier().verify_some())
    assert waiting(data_dir) == {"verified": [f"evt_{name(2)}"], "waiting": [f"evt_{name(1)}"]}
    server.faults.clear()
    asyncio.run(verifier().verify_some())
    assert waiting(data_dir) == {"verified": [f"evt_{name(1)}", f"evt_{name(2)}"]}


def test_an_api_that_was_not_reached_is_asked_again(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    verifying = verifier()
    receive(event(name(1)), is_signed=False)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("COUPONTOOLS_API_URL", "http://127.0.0.1:9")
        with pytest.raises(UnreachableError):
            asyncio.run(verifying.verify_some())
    assert waiting(data_dir) == {"waiting": [f"evt_{name(1)}"]}
    monkeypatch.setattr(verification, "SECONDS_BEFORE_ASKING_AGAIN", 0)
    asyncio.run(verifying.verify_some())
    assert waiting(data_dir) == {"verified": [f"evt_{name(1)}"]}
