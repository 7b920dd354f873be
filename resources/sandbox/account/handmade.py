"""The hand-made account: records of tests, served verbatim and changed between requests."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from resources.sandbox.account.account import (
    Campaign,
    FoundSession,
    SessionField,
    SessionQuery,
    Standing,
)
from resources.sandbox.account.matching import has_text, matches
from resources.sandbox.account.overlay import Overlay, Table
from resources.sandbox.account.record import Record, decode_record, encode_array, read_record_id

Records = Iterable[Record]
Children = Mapping[str, Records]


class HandmadeAccount:
    """Campaign rows and all other records exactly as given; thread safe. The clock plays no part.

    `sessions` maps a campaign's id to its records, in order of their sequenceid. A record that cannot be
    understood (invalid JSON, an invalid date) is served in every window, so that a client meets it.
    The records of the tables are in v3 spelling; mappings of them have their parent's id as key.
    """

    def __init__(
        self,
        campaigns: Iterable[Campaign | Mapping[str, object]] = (),
        sessions: Children | None = None,
        *,
        loyalty_cards: Records = (),
        loyalty_users: Children | None = None,
        directories: Records = (),
        directory_campaigns: Children | None = None,
        registrations: Children | None = None,
        categories: Records = (),
        main_categories: Records = (),
        subaccounts: Records = (),
        sms_groups: Records = (),
        sms_contacts: Children | None = None,
        email_groups: Records = (),
        teammates: Records = (),
    ) -> None:
        self.standing = Standing()
        self.overlay = Overlay()
        tables: Mapping[Table, Children | None] = {
            "loyalty_cards": {"": loyalty_cards},
            "loyalty_users": loyalty_users,
            "directories": {"": directories},
            "directory_campaigns": directory_campaigns,
            "registrations": registrations,
            "categories": {"": categories},
            "main_categories": {"": main_categories},
            "subaccounts": {"": subaccounts},
            "sms_groups": {"": sms_groups},
            "sms_contacts": sms_contacts,
            "email_groups": {"": email_groups},
            "teammates": {"": teammates},
        }
        for table, children in tables.items():
            for parent, rows in (children or {}).items():
                self.set_records(table, rows, parent)
        self._lock = threading.Lock()
        self._campaigns = [_campaign(campaign) for campaign in campaigns]
        self._sessions = {campaign: list(records) for campaign, records in (sessions or {}).items()}

    def campaigns(self, now: datetime) -> Sequence[Campaign]:  # noqa: ARG002 - the protocol's signature
        """Return the campaigns in the order given."""
        with self._lock:
            return list(self._campaigns)

    def sessions(self, campaign_id: str, query: SessionQuery, now: datetime) -> "HandmadeRows":  # noqa: ARG002
        """Return the records of a campaign that match `query`."""
        with self._lock:
            records = list(self._sessions.get(campaign_id, ()))
        matching = [record for record in records if matches(record, query)]
        return HandmadeRows(matching[::-1] if query.newest_first else matching)

    def session(self, session_id: str, now: datetime) -> FoundSession | None:  # noqa: ARG002
        """Return the campaign's id and the record of a session, or None."""
        with self._lock:
            for campaign_id, records in self._sessions.items():
                for record in map(decode_record, records):
                    if record is not None and record.get("session") == session_id:
                        return campaign_id, record
        return None

    def find_sessions(
        self,
        field: SessionField,
        text: str,
        now: datetime,  # noqa: ARG002
        campaign_id: str | None = None,
    ) -> Sequence[FoundSession]:
        """Return the sessions, of one campaign or of all, whose field has this text."""
        with self._lock:
            places = {name: list(rows) for name, rows in self._sessions.items() if campaign_id in (None, name)}
        records = ((name, decode_record(record)) for name, rows in places.items() for record in rows)
        return [(name, record) for name, record in records if record is not None and has_text(record, field, text)]

    def rows(self, table: Table, parent: str, now: datetime) -> Sequence[Record]:  # noqa: ARG002
        """Return the records of a table, or of one parent in it, in the order given."""
        return self.overlay.rows((table, parent), ())

    def put_record(self, table: Table, record: Record, parent: str = "") -> None:
        """Add a record to a table, or replace the one of the same id in its place."""
        self.overlay.put((table, parent), record)

    def remove_record(self, table: Table, name: str, parent: str = "") -> None:
        """Remove the record of this id; KeyError if there is none."""
        if name not in map(read_record_id, self.overlay.rows((table, parent), ())):
            raise KeyError(name)
        self.overlay.remove((table, parent), name)

    def set_records(self, table: Table, records: Records, parent: str = "") -> None:
        """Replace all records of a table, or of one parent in it."""
        self.overlay.set((table, parent), records)

    def custom_codes(self, campaign_id: str, now: datetime) -> tuple[int, int]:  # noqa: ARG002
        """Return the number of records with an own validation code, twice: all that are known are claimed."""
        with self._lock:
            statuses = [(decode_record(record) or {}).get("status") for record in self._sessions.get(campaign_id, ())]
        codes = sum(isinstance(status, Mapping) and bool(status.get("own_validation_code")) for status in statuses)
        return codes, codes

    def put_campaign(self, campaign: Campaign | Mapping[str, object]) -> None:
        """Add a campaign, or replace the one of the same id in its place."""
        new = _campaign(campaign)
        with self._lock:
            ids = [campaign.campaign_id for campaign in self._campaigns]
            if new.campaign_id in ids:
                self._campaigns[ids.index(new.campaign_id)] = new
            else:
                self._campaigns.append(new)

    def remove_campaign(self, campaign_id: str) -> None:
        """Remove a campaign and its sessions."""
        with self._lock:
            self._campaigns = [campaign for campaign in self._campaigns if campaign.campaign_id != campaign_id]
            self._sessions.pop(campaign_id, None)

    def set_sessions(self, campaign_id: str, records: Iterable[Record]) -> None:
        """Replace all records of a campaign."""
        with self._lock:
            self._sessions[campaign_id] = list(records)

    def add_sessions(self, campaign_id: str, *records: Record) -> None:
        """Append records to a campaign."""
        with self._lock:
            self._sessions.setdefault(campaign_id, []).extend(records)

    def replace_session(self, session_id: str, record: Record) -> None:
        """Put `record` in the place of the session; KeyError if there is none."""
        self._change(session_id, lambda _: [record])

    def remove_session(self, session_id: str) -> None:
        """Remove a session; KeyError if there is none."""
        self._change(session_id, lambda _: [])

    def _change(self, session_id: str, change: Callable[[Record], list[Record]]) -> None:
        with self._lock:
            for records in self._sessions.values():
                for place, record in enumerate(records):
                    if (decode_record(record) or {}).get("session") == session_id:
                        records[place : place + 1] = change(record)
                        return
        raise KeyError(session_id)


class HandmadeRows:
    """The records that matched a query."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    @property
    def total(self) -> int:
        """The number of records matched."""
        return len(self._records)

    def encode(self, offset: int, length: int) -> tuple[int, bytes]:
        """Return the number of records from `offset` (at most `length`), and their compact JSON array."""
        page = self._records[offset : offset + length]
        return len(page), encode_array(page)


def _campaign(campaign: Campaign | Mapping[str, object]) -> Campaign:
    return campaign if isinstance(campaign, Campaign) else Campaign(dict(campaign))
