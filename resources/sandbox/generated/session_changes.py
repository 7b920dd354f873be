"""Created, changed and removed sessions of the generated account, merged into its generated ones."""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import polars as pl

from resources.sandbox.account.account import SessionQuery, SessionRows
from resources.sandbox.account.matching import matches
from resources.sandbox.account.record import Record, decode_record, encode_array
from resources.sandbox.generated.session_records import FIRST_SEQUENCE_ID, SEEN_STATUS


@dataclass
class CampaignChanges:
    """What was changed in one campaign."""

    hidden: set[int] = field(default_factory=set)
    """Indexes of generated sessions that were replaced or removed."""
    records: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Sequence number and JSON text of sessions that were created or replaced, by their ids."""

    def keeps(self) -> pl.Expr:
        """Return whether a generated session is still as it was generated (Boolean)."""
        return ~pl.col("index").is_in(list(self.hidden))


class SessionChanges:
    """Changed sessions by campaign; thread safe. A changed session no longer changes with time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed: defaultdict[str, CampaignChanges] = defaultdict(CampaignChanges)

    def of(self, campaign_id: str) -> CampaignChanges | None:
        """Return a copy of a campaign's changes, or None if there are none."""
        with self._lock:
            changes = self._changed.get(campaign_id)
            return changes and CampaignChanges(set(changes.hidden), dict(changes.records))

    def home(self, session_id: str) -> str | None:
        """Return the id of the campaign in which a created or replaced session is, or None."""
        with self._lock:
            return next((name for name, changes in self._changed.items() if session_id in changes.records), None)

    def record(self, campaign_id: str, session_id: str) -> Mapping[str, object]:
        """Return a session that was created or replaced."""
        with self._lock:
            return decode_record(self._changed[campaign_id].records[session_id][1]) or {}

    def is_hidden(self, campaign_id: str, index: int) -> bool:
        """Return whether a generated session is no longer as it was generated."""
        with self._lock:
            return campaign_id in self._changed and index in self._changed[campaign_id].hidden

    def put(self, campaign_id: str, record: Record, *, hides: int | None = None) -> None:
        """Add a session, or replace the one of the same id or the generated one of this index, in one step."""
        fields = decode_record(record) or {}
        text = record if isinstance(record, bytes) else msgspec.json.encode(record)
        with self._lock:
            changed = self._changed[campaign_id]
            changed.records[str(fields["session"])] = (int(str(fields["sequenceid"])), text)
            if hides is not None:
                changed.hidden.add(hides)

    def hide(self, campaign_id: str, index: int) -> None:
        """Leave a generated session out."""
        with self._lock:
            self._changed[campaign_id].hidden.add(index)

    def remove(self, campaign_id: str, session_id: str) -> None:
        """Remove a created or replaced session."""
        with self._lock:
            del self._changed[campaign_id].records[session_id]


class MergedRows:
    """Generated sessions with created and changed ones among them, in order of their sequenceid."""

    def __init__(
        self, generated: SessionRows, indexes: pl.Series, changed: CampaignChanges, query: SessionQuery
    ) -> None:
        """Merge; `indexes` are those of the generated sessions that matched, in the order of the query."""
        items = sorted(item for item in changed.records.values() if matches(item[1], query))
        self._generated = generated
        self._total = generated.total + len(items)
        ascending = indexes.reverse() if query.newest_first else indexes
        numbers = pl.Series([number - FIRST_SEQUENCE_ID for number, _ in items], dtype=pl.Int64)
        places = ascending.cast(pl.Int64).search_sorted(numbers, side="left").to_list()
        self._places = [place + order for order, place in enumerate(places)]
        self._records = [_cut_to_seen_fields(text) if query.seen_fields_only else text for _, text in items]
        if query.newest_first:
            self._places = [self._total - 1 - place for place in reversed(self._places)]
            self._records.reverse()

    @property
    def total(self) -> int:
        """The number of sessions matched."""
        return self._total

    def encode(self, offset: int, length: int) -> tuple[int, bytes]:
        """Return the number of records from `offset` (at most `length`), and their compact JSON array."""
        amount = max(0, min(length, self._total - offset))
        first, last = bisect_left(self._places, offset), bisect_left(self._places, offset + amount)
        _, body = self._generated.encode(offset - first, amount - (last - first))
        rows: list[bytes] = [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
        for place, record in zip(self._places[first:last], self._records[first:last], strict=True):
            rows.insert(place - offset, record)
        return amount, encode_array(rows)


def _cut_to_seen_fields(text: bytes) -> bytes:
    """Return a record cut to the fields that client code was seen to read (`row_fields`)."""
    fields = decode_record(text) or {}
    status = fields.get("status")
    cut: dict[str, object] = {name: fields[name] for name in ("sequenceid", "session") if name in fields}
    if isinstance(status, Mapping):
        cut["status"] = {name: status[name] for name in SEEN_STATUS if name in status}
    return msgspec.json.encode(cut)


def count_claimed(records: Sequence[bytes]) -> int:
    """Return how many of the sessions are claimed."""
    statuses = [(decode_record(record) or {}).get("status") for record in records]
    return sum(isinstance(status, Mapping) and bool(status.get("claim_date_utc")) for status in statuses)
