"""Stores received events: turns them into rows, redacts these, and only then writes them to disk."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl

from assets.ingest.personal_data import Redactor
from assets.tables.webhook_events import WebhookEvent
from assets.webhooks.rows import make_rows
from resources.coupontools.masking import MIN_KEY_IN_DATA, make_masker
from resources.coupontools.requests import Credentials
from resources.warehouse.errors import WarehouseError
from resources.warehouse.suppression import find_suppressed, remove_suppressed
from resources.warehouse.warehouse import Warehouse
from resources.webhooks.event import Event, read_event, split_event
from resources.webhooks.inbox import Inbox, state_of
from resources.webhooks.signature import is_signed

MAX_ID_ASKED = 100
"""The longest event id that the API is asked about, in characters; a longer one cannot be its own."""


def open_inbox(warehouse: Warehouse) -> Inbox:
    """Return the inbox of a warehouse; nothing is read or written yet. Raises SettingsError."""
    return Inbox(warehouse.folder.state / "webhooks")


class EventIntake:
    """Stores events in the inbox of a warehouse, without the people and values that may not be kept."""

    def __init__(self, warehouse: Warehouse, keys: Credentials, note_waiting: Callable[[], None]) -> None:
        """Name the account by its keys; `note_waiting` is called whenever events were stored that must be verified."""
        self._warehouse = warehouse
        self._inbox = open_inbox(warehouse)
        self._client_secret = keys.client_secret.encode()
        self._mask = make_masker((keys.client_secret, keys.client_id), MIN_KEY_IN_DATA)
        self._note_waiting = note_waiting

    def read(self, body: bytes, signature: str | None) -> Event:
        """Read a body, and compare its signature. Raises InvalidEventError."""
        return read_event(body, is_signed=is_signed(body, signature, self._client_secret))

    def store(self, events: Sequence[Event]) -> None:
        """Write events to disk, all or none. Raises FullError, WarehouseError and OSError."""
        rows = make_rows(self._without_keys(events))
        signed = pl.Series([event.is_signed for event in events], dtype=pl.Boolean)
        can_be_asked = pl.Series(
            [
                event_id != event.digest and len(event_id) <= MAX_ID_ASKED
                for event_id, event in zip(rows["event_id"], events, strict=True)
            ],
            dtype=pl.Boolean,
        )
        with self._inbox.lock():  # so that whoever is forgotten now is kept out, or erased once this is written
            rows = self._redact(rows)
            self._inbox.add(
                {
                    "verified": rows.filter(signed),
                    "waiting": rows.filter(~signed & can_be_asked),
                    "refused": rows.filter(~signed & ~can_be_asked),
                }
            )
        if (~signed & can_be_asked).any():
            self._note_waiting()

    def _without_keys(self, events: Sequence[Event]) -> Sequence[Event]:
        """Mask the account's keys in all events, if any holds one: to search them together takes as long as one."""
        together = b"\n".join(event.body for event in events)
        if self._mask(together) == together:
            return events
        return [replace(event, members=split_event(self._mask(event.body))) for event in events]

    def _redact(self, rows: pl.DataFrame) -> pl.DataFrame:
        try:
            suppressed = self._warehouse.read_suppression()
        except WarehouseError:
            self._warehouse.close()  # so that the next events open a new connection
            raise
        redactor = Redactor.over(WebhookEvent, self._warehouse.personal_data, suppressed)
        return redactor.redact_rows(rows) if redactor else rows


def erase_waiting(warehouse: Warehouse) -> int:
    """Erase everybody who is suppressed from the events that wait; returns the events that named one of them.

    Raises WarehouseError and SettingsError.
    """
    inbox, schema, count = open_inbox(warehouse), WebhookEvent.schema_of_table(), 0
    if not inbox.exists():
        return 0
    with inbox.lock():
        inbox.remove_unfinished()
        suppressed = warehouse.engine.read_suppression(warehouse.personal_data.secret)
        for file in inbox.list_files():
            rows = inbox.read(file)
            if rows is not None and find_suppressed(rows, schema, suppressed) is not None:
                erased = remove_suppressed(rows, schema, suppressed)
                count += sum(one != other for one, other in zip(rows.rows(), erased.rows(), strict=True))
                inbox.replace(file, {state_of(file): erased})
    return count
