"""The generated account: campaigns and sessions as a pure function of a seed and the moment."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import polars as pl

from resources.sandbox import companies, directories, loyalty, records
from resources.sandbox.campaigns import FIRST_DAY, CampaignPlan, plan_campaigns
from resources.sandbox.overlay import Overlay, Place, Table
from resources.sandbox.record import Record
from resources.sandbox.recorded import RecordedAccount
from resources.sandbox.sessions import EVENT_SCHEMA, generate_month, next_month, seconds
from resources.sandbox.source import Campaign, FoundSession, SessionField, SessionQuery, Standing

__all__ = ["Account", "RecordedAccount"]


class Account:
    """A made-up account: equal seeds, sizes and moments give equal answers (per polars version).

    Exactly `sessions` are created from 2024-01-01 up to 2026-11-01, and on it goes at about that rate.
    Months are generated when they are first asked for and kept, about 120 bytes a session. Loyalty cards and
    directories have a member or so for every ten sessions, 5,000 at most.
    """

    def __init__(self, seed: int = 0, sessions: int = 20_000, campaigns: int = 40) -> None:
        if sessions < 0 or campaigns < 1:
            raise ValueError(f"an account needs sessions >= 0 and campaigns >= 1, not {sessions} and {campaigns}")
        self.standing = Standing()
        self.overlay = Overlay()
        self._seed = seed
        self._sessions = sessions
        self._people = min(5000, 60 + sessions // 10)
        self._plans = plan_campaigns(seed, campaigns)
        self._positions = {plan.campaign_id: position for position, plan in enumerate(self._plans)}
        self._lock = threading.Lock()
        self._next_month = FIRST_DAY
        empty = pl.DataFrame(schema={"index": pl.UInt64, **EVENT_SCHEMA})
        self._frames = dict.fromkeys(range(campaigns), empty)
        self._tables: tuple[datetime, dict[Place, Sequence[Record]]] = (FIRST_DAY, {})

    def campaigns(self, now: datetime) -> Sequence[Campaign]:
        """Return the campaigns launched by `now`, in order of their ids."""
        return [plan.campaign(now) for plan in self._plans if plan.launched <= now]

    def sessions(self, campaign_id: str, query: SessionQuery, now: datetime) -> "GeneratedRows":
        """Return the sessions of a campaign that match `query` at `now`."""
        position = self._positions[campaign_id]
        frame = self._frame(position, now)
        found = frame.select(records.matches(query, seconds(now))).to_series().arg_true()
        if query.newest_first:
            found = found.reverse()
        return GeneratedRows(frame, found, self._seed, self._plans[position], now, query.seen_fields_only)

    def session(self, session_id: str, now: datetime) -> FoundSession | None:
        """Return the campaign's id and the record of a session created by `now`, or None."""
        if len(session_id) != 21 or not (session_id.isascii() and session_id.isalnum()):
            return None
        for position, plan in enumerate(self._plans):
            frame = self._frame(position, now)
            rows = frame.filter(records.matches_id(self._seed, session_id), pl.col("created") <= seconds(now))
            rows = rows.filter(records.session_id(self._seed) == session_id)
            if rows.height:
                return plan.campaign_id, self._decode(rows, plan, now)[0]
        return None

    def find_sessions(
        self, field: SessionField, text: str, now: datetime, campaign_id: str | None = None
    ) -> Sequence[FoundSession]:
        """Return the sessions, of one campaign or of all, whose field has this text at `now`."""
        found: list[FoundSession] = []
        for position, plan in enumerate(self._plans):
            if campaign_id in (None, plan.campaign_id):
                rows = self._frame(position, now).filter(pl.col("created") <= seconds(now))
                rows = rows.filter(records.has_text(self._seed, plan, seconds(now), field, text))
                found += [(plan.campaign_id, record) for record in self._decode(rows, plan, now)]
        return found

    def rows(self, table: Table, parent: str, now: datetime) -> Sequence[Record]:
        """Return the records of a table at `now`, or of one parent in it."""
        moment = now.replace(microsecond=0)
        # Kept for the second that they hold for: a table is read in many pages.
        if self._tables[0] != moment:
            self._tables = (moment, {})
        kept = self._tables[1]
        if (table, parent) not in kept:
            kept[table, parent] = self._generate(table, parent, moment)
        return self.overlay.rows((table, parent), kept[table, parent])

    def custom_codes(self, campaign_id: str, now: datetime) -> tuple[int, int]:
        """Return how many custom validation codes a campaign has, and how many are claimed by `now`."""
        position = self._positions[campaign_id]
        if not self._plans[position].has_codes:
            return 0, 0
        claimed = int((self._frame(position, now)["claimed"] <= seconds(now)).sum())
        return max(1000, 2 * claimed), claimed

    def _generate(self, table: Table, parent: str, now: datetime) -> Sequence[Record]:
        """Return the records that a table holds at `now` without changes made through the API."""
        seed, people = self._seed, self._people
        make: dict[Table, Callable[[], Sequence[Record]]] = {
            "loyalty_cards": lambda: loyalty.loyalty_cards(seed),
            "loyalty_users": lambda: loyalty.loyalty_users(seed, people, parent, now),
            "directories": lambda: directories.directories(seed),
            "directory_campaigns": lambda: directories.campaigns_of(
                seed, parent, [each.record for each in self.campaigns(now)]
            ),
            "registrations": lambda: directories.registrations(seed, people, parent, now),
            "categories": lambda: companies.CATEGORIES,
            "main_categories": lambda: companies.MAIN_CATEGORIES,
            "subaccounts": lambda: companies.subaccounts(seed, now),
            "sms_groups": lambda: companies.SMS_GROUPS,
            "sms_contacts": lambda: companies.sms_contacts(seed, parent),
            "email_groups": lambda: companies.EMAIL_GROUPS,
        }
        return make[table]() if table in make else []

    def _decode(self, rows: pl.DataFrame, plan: CampaignPlan, now: datetime) -> list[dict[str, object]]:
        body = records.encode(rows, self._seed, plan, now, seen_only=False)
        return msgspec.json.decode(body, type=list[dict[str, object]])

    def _frame(self, position: int, now: datetime) -> pl.DataFrame:
        """Return a campaign's sessions of all months up to `now`'s, in order of creation."""
        with self._lock:
            if self._next_month <= now:
                self._generate_until(now)
            return self._frames[position]

    def _generate_until(self, now: datetime) -> None:
        months = []
        while self._next_month <= now:
            months.append(generate_month(self._seed, self._sessions, self._plans, self._next_month))
            self._next_month = next_month(self._next_month)
        parts = pl.concat(months).partition_by("campaign", as_dict=True, include_key=False)
        for (position,), part in parts.items():
            self._frames[position] = pl.concat([self._frames[position], part], rechunk=True)


class GeneratedRows:
    """The sessions of one campaign that matched a query: rows of its frame."""

    def __init__(
        self,
        frame: pl.DataFrame,
        found: pl.Series,
        seed: int,
        plan: CampaignPlan,
        now: datetime,
        seen_only: bool,
    ) -> None:
        self._frame, self._found = frame, found
        self._seed, self._plan, self._now, self._seen_only = seed, plan, now, seen_only

    @property
    def total(self) -> int:
        """The number of sessions matched."""
        return len(self._found)

    def encode(self, offset: int, length: int) -> tuple[int, bytes]:
        """Return the number of records from `offset` (at most `length`), and their compact JSON array."""
        rows = self._frame[self._found.slice(offset, length)]
        return rows.height, records.encode(rows, self._seed, self._plan, self._now, seen_only=self._seen_only)
