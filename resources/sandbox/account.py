"""The generated account: campaigns and sessions as a pure function of a seed and the moment."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import polars as pl

from resources.sandbox import records
from resources.sandbox.campaigns import FIRST_DAY, CampaignPlan, plan_campaigns
from resources.sandbox.recorded import RecordedAccount
from resources.sandbox.sessions import EVENT_SCHEMA, generate_month, next_month, seconds
from resources.sandbox.source import Campaign, SessionQuery

__all__ = ["Account", "RecordedAccount"]


class Account:
    """A made-up account: equal seeds, sizes and moments give equal answers (per polars version).

    Exactly `sessions` are created from 2024-01-01 up to 2026-11-01, and on it goes at about that rate.
    Months are generated when they are first asked for and kept, about 120 bytes a session.
    """

    def __init__(self, seed: int = 0, sessions: int = 20_000, campaigns: int = 40) -> None:
        if sessions < 0 or campaigns < 1:
            raise ValueError(f"an account needs sessions >= 0 and campaigns >= 1, not {sessions} and {campaigns}")
        self._seed = seed
        self._sessions = sessions
        self._plans = plan_campaigns(seed, campaigns)
        self._positions = {plan.campaign_id: position for position, plan in enumerate(self._plans)}
        self._lock = threading.Lock()
        self._next_month = FIRST_DAY
        empty = pl.DataFrame(schema={"index": pl.UInt64, **EVENT_SCHEMA})
        self._frames = dict.fromkeys(range(campaigns), empty)

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

    def session(self, session_id: str, now: datetime) -> tuple[str, Mapping[str, object]] | None:
        """Return the campaign's id and the record of a session created by `now`, or None."""
        if len(session_id) != 21 or not (session_id.isascii() and session_id.isalnum()):
            return None
        for position, plan in enumerate(self._plans):
            frame = self._frame(position, now)
            rows = frame.filter(records.matches_id(self._seed, session_id), pl.col("created") <= seconds(now))
            rows = rows.filter(records.session_id(self._seed) == session_id)
            if rows.height:
                body = records.encode(rows, self._seed, plan, now, seen_only=False)
                return plan.campaign_id, msgspec.json.decode(body, type=list[dict[str, object]])[0]
        return None

    def custom_codes(self, campaign_id: str, now: datetime) -> tuple[int, int]:
        """Return how many custom validation codes a campaign has, and how many are claimed by `now`."""
        position = self._positions[campaign_id]
        if not self._plans[position].has_codes:
            return 0, 0
        claimed = int((self._frame(position, now)["claimed"] <= seconds(now)).sum())
        return max(1000, 2 * claimed), claimed

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
