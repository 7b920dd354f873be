"""The store of changes to an account's tables, for generated and hand-made accounts alike."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Literal

from resources.sandbox.account.record import Record, read_record_id

Table = Literal[
    "loyalty_cards", "loyalty_users", "directories", "directory_campaigns", "registrations", "categories",
    "main_categories", "subaccounts", "sms_groups", "sms_contacts", "email_groups", "teammates", "messages",
]  # fmt: skip
"""Parts of an account besides campaigns and sessions. Children belong to a parent: users to a loyalty card,
campaigns and registrations to a directory, contacts to an SMS group. `messages` are those sent through the API."""

Place = tuple[Table, str]
"""A table, and the id of the parent whose records are meant ("" where there is none)."""


class Overlay:
    """Records put, removed or replaced all at once, by table and parent; thread safe.

    A generated record that was changed no longer changes with time: the overlay holds all of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whole: dict[Place, list[Record]] = {}
        self._put: defaultdict[Place, dict[str, Record]] = defaultdict(dict)
        self._removed: defaultdict[Place, set[str]] = defaultdict(set)
        self._numbers = count(1)

    def rows(self, place: Place, base: Sequence[Record]) -> Sequence[Record]:
        """Return the records of a place, given those that it would hold if nothing had been changed."""
        with self._lock:
            if place in self._whole:
                return list(self._whole[place])
            put, removed = dict(self._put.get(place, {})), set(self._removed.get(place, ()))
        if not put and not removed:
            return base
        kept = [(read_record_id(record), record) for record in base]
        rows = [record if name is None else put.pop(name, record) for name, record in kept if name not in removed]
        return [*rows, *put.values()]

    def put(self, place: Place, record: Record) -> None:
        """Add a record, or replace the one of the same id in its place."""
        name = read_record_id(record)
        with self._lock:
            if place not in self._whole:
                key = f"without id {next(self._numbers)}" if name is None else name
                self._removed[place].discard(key)
                self._put[place][key] = record
                return
            rows = self._whole[place]
            same = [index for index, row in enumerate(rows) if name is not None and read_record_id(row) == name]
            if same:
                rows[same[0]] = record
            else:
                rows.append(record)

    def remove(self, place: Place, name: str) -> None:
        """Remove the record of this id, if there is one."""
        with self._lock:
            if place in self._whole:
                self._whole[place] = [row for row in self._whole[place] if read_record_id(row) != name]
                return
            self._put[place].pop(name, None)
            self._removed[place].add(name)

    def set(self, place: Place, records: Iterable[Record]) -> None:
        """Replace all records of a place."""
        with self._lock:
            self._whole[place] = list(records)

    def next_number(self) -> int:
        """Return the next of 1, 2, 3 and so on, of which ids of new records are made."""
        with self._lock:
            return next(self._numbers)
