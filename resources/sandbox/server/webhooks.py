"""Sends the events of an account to an address while its clock moves, in the ways that the assumptions name."""

import hmac
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import httpx
import msgspec

from resources.sandbox.account.account import Account
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.endpoints.webhook_events import SentEvent, list_campaign_events, list_session_events

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_BETWEEN_TRIES = 2.0

_SECOND = timedelta(seconds=1)


@dataclass
class _Delivery:
    """An event on its way: the body, its signature, when it is sent next, and how often it may still be sent."""

    body: bytes
    signature: str | None
    due: float
    tries: int


class WebhookSender:
    """Looks twice a second for events that have happened since, and sends them; runs in a thread of its own."""

    def __init__(
        self, url: str, account: Account, assumptions: Assumptions, clock: Callable[[], datetime], client_secret: str
    ) -> None:
        """Send to `url` what happens from now on."""
        self._url, self._account, self._assumptions, self._clock = url, account, assumptions, clock
        self._client_secret = client_secret.encode()
        self._random = Random(0)  # noqa: S311  (the same deliveries in each run)
        self._deliveries: list[_Delivery] = []
        self._until = clock().replace(microsecond=0)
        self._campaigns = account.campaigns(self._until)

    def run(self, closing: threading.Event) -> None:
        """Send events until the server closes."""
        with httpx.Client(timeout=10, trust_env=False) as http:
            while not closing.wait(SECONDS_BETWEEN_LOOKS):
                self._deliveries += map(self._deliver, self._arrange(self._look()))
                now = time.monotonic()
                due = [delivery for delivery in self._deliveries if delivery.due <= now]
                self._deliveries = [delivery for delivery in self._deliveries if delivery.due > now]
                self._deliveries += [delivery for delivery in due if not self._send(http, delivery)]

    def _look(self) -> list[SentEvent]:
        """List what has happened since the last look, up to the last second that is over."""
        until = self._clock().replace(microsecond=0) - _SECOND
        if until <= self._until:
            return []
        kinds, campaigns = self._assumptions.webhook_kinds, self._account.campaigns(until)
        events = [
            *list_session_events(self._account, kinds, self._until, until),
            *list_campaign_events(kinds, self._campaigns, campaigns, until),
        ]
        self._until, self._campaigns = until, campaigns
        return sorted(events, key=lambda event: event.happened_at)

    def _arrange(self, events: Sequence[SentEvent]) -> list[SentEvent]:
        """Drop some events, duplicate some, and shuffle them, as the assumptions say."""
        assumptions = self._assumptions
        arranged = [event for event in events if self._random.random() >= assumptions.webhook_losses]
        arranged += [event for event in arranged if self._random.random() < assumptions.webhook_duplicates]
        if assumptions.webhook_order == "shuffled":
            self._random.shuffle(arranged)
        return arranged

    def _deliver(self, event: SentEvent) -> _Delivery:
        body = msgspec.json.encode(event.fields)
        is_wrong = self._random.random() < self._assumptions.webhook_wrong_signatures
        secret = b"another secret" if is_wrong else self._client_secret
        signature = hmac.digest(secret, body, "sha256").hex()
        delay = self._random.uniform(0, self._assumptions.webhook_delay)
        is_signed = self._assumptions.webhook_signature == "hmac"
        due = time.monotonic() + delay
        return _Delivery(body, signature if is_signed else None, due, self._assumptions.webhook_tries)

    def _send(self, http: httpx.Client, delivery: _Delivery) -> bool:
        """Send an event; returns whether it was taken, or may not be sent again."""
        headers = {"content-type": "application/json"}
        if delivery.signature:
            headers["x-hmac"] = delivery.signature
        delivery.tries -= 1
        delivery.due = time.monotonic() + SECONDS_BETWEEN_TRIES
        try:
            is_taken = http.post(self._url, content=delivery.body, headers=headers).is_success
        except httpx.HTTPError:
            is_taken = False
        return is_taken or not delivery.tries
