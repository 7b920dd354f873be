"""The generated account: campaigns and sessions as a pure function of a seed and the moment."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import polars as pl

from resources.sandbox.account.account import Campaign, FoundSession, SessionField, SessionQuery, SessionRows, Standing
from resources.sandbox.account.matching import has_text
from resources.sandbox.account.overlay import Overlay, Place, Table
from resources.sandbox.account.record import Record, decode_record
from resources.sandbox.generated import companies, directories, loyalty, session_ids
from resources.sandbox.generated import session_records as records
from resources.sandbox.generated.campaigns import FIRST_DAY, CampaignPlan, plan_campaigns
from resources.sandbox.generated.session_changes import CampaignChanges, MergedRows, SessionChanges, count_claimed
from resources.sandbox.generated.sessions import EVENT_SCHEMA, find_next_month, generate_month, to_seconds


class GeneratedAccount:
    """A made-up account: equal seeds, sizes and moments give equal answers (per polars version).

    Exactly `sessions` are created from 2024-01-01 up to 2026-11-01, and more afterwards at about that rate.
    Months are generated when they are first asked for and kept, about 120 bytes a session. Loyalty cards and
    directories have a member or so for every ten sessions, 5,000 at most.
    """

    def __init__(self, seed: int = 0, sessions: int = 20_000, campaigns: int = 40) -> None:
        if sessions < 0 or campaigns < 1:
            raise ValueError(f"an account needs sessions >= 0 and campaigns >= 1, not {sessions} and {campaigns}")
        self.standing = Standing()
        self.overlay = Overlay()
        self._changes = SessionChanges()
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

    def sessions(self, campaign_id: str, query: SessionQuery, now: datetime) -> SessionRows:
        """Return the sessions of a campaign that match `query` at `now`."""
        position = self._positions[campaign_id]
        frame = self._frame_until(position, now)
        changed = self._changes.of(campaign_id)
        matching = records.matches(query, to_seconds(now))
        if changed is not None:
            matching &= changed.keeps()
        indexes = frame.select(matching).to_series().arg_true()
        if query.newest_first:
            indexes = indexes.reverse()
        rows = GeneratedRows(frame, indexes, self._seed, self._plans[position], now, query.seen_fields_only)
        return rows if changed is None else MergedRows(rows, frame["index"][indexes], changed, query)

    def session(self, session_id: str, now: datetime) -> FoundSession | None:
        """Return the campaign's id and the record of a session created by `now`, or None."""
        home = self._changes.home(session_id)
        if home is not None:
            return home, self._changes.record(home, session_id)
        self._frame_until(0, now)
        plan_and_row = self._find_row(session_id)
        if plan_and_row is None or plan_and_row[1]["created"].item() > to_seconds(now):
            return None
        plan, row = plan_and_row
        return plan.campaign_id, self._decode(row, plan, now)[0]

    def find_sessions(
        self, field: SessionField, text: str, now: datetime, campaign_id: str | None = None
    ) -> Sequence[FoundSession]:
        """Return the sessions, of one campaign or of all, whose field has this text at `now`."""
        sessions: list[FoundSession] = []
        for position, plan in enumerate(self._plans):
            if campaign_id in (None, plan.campaign_id):
                changed = self._changes.of(plan.campaign_id) or CampaignChanges()
                rows = self._frame_until(position, now).filter(
                    pl.col("created") <= to_seconds(now),
                    records.has_text(self._seed, plan, to_seconds(now), field, text),
                    changed.keeps(),
                )
                others = [decode_record(record) or {} for _, record in changed.records.values()]
                both = [*self._decode(rows, plan, now), *(record for record in others if has_text(record, field, text))]
                sessions += [(plan.campaign_id, record) for record in both]
        return sessions

    def add_sessions(self, campaign_id: str, *new: Record) -> None:
        """Append sessions to a campaign; they need a `session` and a numeric `sequenceid`."""
        for record in new:
            self._changes.put(campaign_id, record)

    def replace_session(self, session_id: str, record: Record) -> None:
        """Put `record`, which has the same id, in the place of the session; KeyError if there is none."""
        campaign_id, index = self._find_place(session_id)
        self._changes.put(campaign_id, record, hides=index)

    def remove_session(self, session_id: str) -> None:
        """Remove a session; KeyError if there is none."""
        campaign_id, index = self._find_place(session_id)
        if index is None:
            self._changes.remove(campaign_id, session_id)
        else:
            self._changes.hide(campaign_id, index)

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
        changed = self._changes.of(campaign_id) or CampaignChanges()
        frame = self._frame_until(position, now).filter(changed.keeps())
        claimed = int((frame["claimed"] <= to_seconds(now)).sum())
        claimed += count_claimed([record for _, record in changed.records.values()])
        return max(1000, 2 * claimed), claimed

    def _find_row(self, session_id: str) -> tuple[CampaignPlan, pl.DataFrame] | None:
        """Return a generated session that was not replaced or removed, and its campaign."""
        if len(session_id) != 21 or not (session_id.isascii() and session_id.isalnum()):
            return None
        for position, plan in enumerate(self._plans):
            rows = self._frames[position].filter(session_ids.matches_id(self._seed, session_id))
            rows = rows.filter(session_ids.make_session_id(self._seed) == session_id)
            if rows.height and not self._changes.is_hidden(plan.campaign_id, rows["index"].item()):
                return plan, rows
        return None

    def _find_place(self, session_id: str) -> tuple[str, int | None]:
        """Return a session's campaign, and its index unless it was created or replaced; KeyError if there is none."""
        home = self._changes.home(session_id)
        if home is not None:
            return home, None
        plan_and_row = self._find_row(session_id)
        if plan_and_row is None:
            raise KeyError(session_id)
        plan, row = plan_and_row
        return plan.campaign_id, row["index"].item()

    def _generate(self, table: Table, parent: str, now: datetime) -> Sequence[Record]:
        """Return the records that a table holds at `now` without changes made through the API."""
        seed, people = self._seed, self._people
        make: dict[Table, Callable[[], Sequence[Record]]] = {
            "loyalty_cards": lambda: loyalty.make_loyalty_cards(seed),
            "loyalty_users": lambda: loyalty.make_loyalty_users(seed, people, parent, now),
            "directories": lambda: directories.make_directories(seed),
            "directory_campaigns": lambda: directories.choose_campaigns(
                seed, parent, [campaign.record for campaign in self.campaigns(now)]
            ),
            "registrations": lambda: directories.make_registrations(seed, people, parent, now),
            "categories": lambda: companies.CATEGORIES,
            "main_categories": lambda: companies.MAIN_CATEGORIES,
            "subaccounts": lambda: companies.make_subaccounts(seed, now),
            "sms_groups": lambda: companies.SMS_GROUPS,
            "sms_contacts": lambda: companies.make_sms_contacts(seed, parent),
            "email_groups": lambda: companies.EMAIL_GROUPS,
            "teammates": lambda: companies.TEAMMATES,
        }
        return make[table]() if table in make else []

    def _decode(self, rows: pl.DataFrame, plan: CampaignPlan, now: datetime) -> list[dict[str, object]]:
        body = records.encode(rows, self._seed, plan, now, seen_only=False)
        return msgspec.json.decode(body, type=list[dict[str, object]])

    def _frame_until(self, position: int, now: datetime) -> pl.DataFrame:
        """Return a campaign's sessions of all months up to `now`'s, in order of creation."""
        with self._lock:
            if self._next_month <= now:
                self._generate_until(now)
            return self._frames[position]

    def _generate_until(self, now: datetime) -> None:
        months = []
        while self._next_month <= now:
            months.append(generate_month(self._seed, self._sessions, self._plans, self._next_month))
            self._next_month = find_next_month(self._next_month)
        parts = pl.concat(months).partition_by("campaign", as_dict=True, include_key=False)
        for (position,), part in parts.items():
            self._frames[position] = pl.concat([self._frames[position], part], rechunk=True)


class GeneratedRows:
    """The sessions of one campaign that matched a query: rows of its frame."""

    def __init__(
        self,
        frame: pl.DataFrame,
        indexes: pl.Series,
        seed: int,
        plan: CampaignPlan,
        now: datetime,
        seen_only: bool,
    ) -> None:
        self._frame, self._indexes = frame, indexes
        self._seed, self._plan, self._now, self._seen_only = seed, plan, now, seen_only

    @property
    def total(self) -> int:
        """The number of sessions matched."""
        return len(self._indexes)

    def encode(self, offset: int, length: int) -> tuple[int, bytes]:
        """Return the number of records from `offset` (at most `length`), and their compact JSON array."""
        rows = self._frame[self._indexes.slice(offset, length)]
        return rows.height, records.encode(rows, self._seed, self._plan, self._now, seen_only=self._seen_only)
