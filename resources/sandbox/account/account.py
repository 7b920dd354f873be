"""The protocol of an account that the sandbox can serve; a generated and a hand-made one implement it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from resources.sandbox.account.overlay import Overlay, Table
from resources.sandbox.account.record import Record

SessionKind = Literal["data", "opens", "claims", "validations"]
SessionDate = Literal["created", "opened", "claimed", "validated", "any_event"]
SessionField = Literal["short_code", "own_validation_code", "phone", "email", "customid"]
"""What sessions can be looked up by: equal text of a field, or for `short_code` the first letters of the id."""


@dataclass(frozen=True)
class Standing:
    """What holds for a whole account, and makes calls fail (error codes of API.md, section 3.3)."""

    expired: bool = False
    """Every call fails with 101."""
    is_subaccount: bool = False
    """The keys are those of a subaccount: calls that manage subaccounts fail with 102."""
    has_sms: bool = True
    """Else smstool/* and send/sms fail with 103."""
    has_email: bool = True
    """Else emailtool/* and send/email fail with 104."""


@dataclass(frozen=True)
class Campaign:
    """One campaign: the row of coupon/list, and what that call filters by (section 5.1)."""

    record: Mapping[str, object]
    """The row as served: ID, code, name, title, status, url; JSON values."""
    hints: Mapping[str, object] = field(default_factory=dict)
    """Fields that are mere hints, served only with `campaign_fields="hinted"`."""
    folder: str | None = None
    category: str | None = None
    tags: frozenset[str] = frozenset()

    @property
    def campaign_id(self) -> str:
        """The id, `cam_12345`, under either spelling of the key."""
        return str(self.record.get("ID", self.record.get("id", "")))

    @property
    def is_active(self) -> bool:
        """Whether `only_active` keeps it; "active" is the only status named by the docs."""
        return self.record.get("status") == "active"


@dataclass(frozen=True)
class SessionQuery:
    """Which sessions of a campaign: a kind and a window of one of their dates, both ends inclusive."""

    kind: SessionKind = "data"
    date: SessionDate = "created"
    start: datetime | None = None
    end: datetime | None = None
    newest_first: bool = False
    seen_fields_only: bool = False


FoundSession = tuple[str, Mapping[str, object]]
"""A campaign's id and the full record of one of its sessions."""


class SessionRows(Protocol):
    """The sessions that a query matched, not yet encoded."""

    @property
    def total(self) -> int:
        """The number of sessions matched."""

    def encode(self, offset: int, length: int) -> tuple[int, bytes]:
        """Return the number of records from `offset` (at most `length`), and their compact JSON array."""


class Account(Protocol):
    """An account as the server sees it: a state for every moment (naive UTC)."""

    standing: Standing
    """What holds for the whole account; may be replaced at any time."""

    @property
    def overlay(self) -> Overlay:
        """What has been changed in the tables."""

    def campaigns(self, now: datetime) -> Sequence[Campaign]:
        """Return all campaigns, ended ones too, in the order they are listed."""

    def sessions(self, campaign_id: str, query: SessionQuery, now: datetime) -> SessionRows:
        """Return the sessions of a listed campaign that match `query`."""

    def session(self, session_id: str, now: datetime) -> FoundSession | None:
        """Return the campaign's id and the full record of one session, or None; case-sensitive."""

    def custom_codes(self, campaign_id: str, now: datetime) -> tuple[int, int]:
        """Return how many custom validation codes a campaign has, and how many are claimed (section 5.2)."""

    def rows(self, table: Table, parent: str, now: datetime) -> Sequence[Record]:
        """Return the records of a table, or of one parent in it, in v3 spelling and in the order they are listed."""

    def find_sessions(
        self, field: SessionField, text: str, now: datetime, campaign_id: str | None = None
    ) -> Sequence[FoundSession]:
        """Return the sessions, of one campaign or of all, whose field has this text."""

    def add_sessions(self, campaign_id: str, *records: Record) -> None:
        """Append sessions to a campaign."""

    def replace_session(self, session_id: str, record: Record) -> None:
        """Put `record` in the place of the session; KeyError if there is none."""

    def remove_session(self, session_id: str) -> None:
        """Remove a session; KeyError if there is none."""
