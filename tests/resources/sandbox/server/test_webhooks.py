"""The sandbox sends events of what happens, in the ways that its options name, and verifies them."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.server import SandboxServer
from resources.webhooks.event import Event, read_event
from resources.webhooks.signature import is_signed
from tests.resources.sandbox.api import Api
from tests.support.accounts import campaign, session
from tests.support.webhooks import SECRET, receiving

NOW = datetime(2026, 3, 10, 12)


class Kept:
    """An intake that keeps what was sent, in order."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.signed: list[bool] = []

    def read(self, body: bytes, signature: str | None) -> Event:
        return read_event(body, is_signed=is_signed(body, signature, SECRET.encode()))

    def store(self, events: Sequence[Event]) -> None:
        self.events += [{name: json.loads(token) for name, token in event.members.items()} for event in events]
        self.signed += [event.is_signed for event in events]

    def wait_for(self, least: int) -> None:
        deadline = time.monotonic() + 10
        while len(self.events) < least and time.monotonic() < deadline:
            time.sleep(0.05)


def validated(number: int, after: int) -> dict[str, Any]:
    """A session of which all ids differ in their first letters, validated so many seconds after the beginning."""
    moment = str(NOW + timedelta(seconds=after))
    return session(
        number, session_id=f"{number:03}{'x' * 18}", status={"validated": "1", "validation_date_utc": moment}
    )


def sent(account: HandmadeAccount, least: int, **assumed: object) -> Kept:
    """What is sent while an hour passes, as soon as that is so many events."""
    kept, clock, assumptions = Kept(), Clock.frozen(NOW), Assumptions.model_validate(assumed)
    with receiving(kept) as url, SandboxServer(account, assumptions, clock, webhooks=url):
        clock.advance(timedelta(hours=1))
        if least:
            kept.wait_for(least)
        else:
            time.sleep(1)
    return kept


def test_what_happens_is_sent_in_order_and_signed() -> None:
    account = HandmadeAccount([campaign(1)], {"cam_1": [validated(2, 20), validated(1, 10), validated(3, -10)]})
    kept = sent(account, 2)
    assert [event["session"][:3] for event in kept.events] == ["001", "002"]
    assert {event["type"] for event in kept.events} == {"coupon_validated"}
    assert kept.events[0]["datetime"] == str(NOW + timedelta(seconds=10))
    assert kept.events[0]["campaign"] == "cam_1"
    assert kept.signed == [True, True]


@pytest.mark.parametrize(
    ("assumed", "count", "signed"),
    [
        ({"webhook_duplicates": 1}, 80, {True}),
        ({"webhook_signature": "none"}, 40, {False}),
        ({"webhook_wrong_signatures": 1}, 40, {False}),
        ({"webhook_order": "shuffled"}, 40, {True}),
        ({"webhook_losses": 1}, 0, set[bool]()),
        ({"webhook_kinds": ["coupon_claimed"]}, 0, set[bool]()),
    ],
)
def test_events_are_doubled_lost_unsigned_or_shuffled_as_the_options_say(
    assumed: Mapping[str, object], count: int, signed: set[bool]
) -> None:
    account = HandmadeAccount([campaign(1)], {"cam_1": [validated(number, number) for number in range(1, 41)]})
    kept = sent(account, count, **assumed)
    names = [event["session"] for event in kept.events]
    assert set(kept.signed) == signed
    assert len(names) == count
    assert set(Counter(names).values()) <= {2 if "webhook_duplicates" in assumed else 1}
    assert (names == sorted(names)) is ("webhook_order" not in assumed and "webhook_duplicates" not in assumed)


def test_a_campaign_that_is_made_changed_or_removed_is_sent_and_every_other_event_verifies() -> None:
    account = HandmadeAccount([campaign(1), campaign(2)], {"cam_1": [validated(1, 10)]})
    kept, clock = Kept(), Clock.frozen(NOW)
    with receiving(kept) as url, SandboxServer(account, clock=clock, webhooks=url) as server:
        account.put_campaign(campaign(3))
        account.put_campaign(campaign(1, title="New"))
        account.remove_campaign("cam_2")
        clock.advance(timedelta(hours=1))
        kept.wait_for(4)
        api = Api(server)
        verified = {
            event["type"]: api.post("webhook/verification", webhook=event["id"]).status_code for event in kept.events
        }
    assert verified == {
        "coupon_validated": 200,
        "coupon_created": 200,
        "coupon_updated": 200,
        "coupon_removed": 422,
    }
