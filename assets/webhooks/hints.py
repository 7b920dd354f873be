"""What verified events touch: which tables must be read for them, of which days and campaigns."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from assets.tables.directories import Directory
from assets.tables.directory_campaigns import DirectoryCampaign
from assets.tables.directory_registrations import DirectoryRegistration
from assets.tables.loyalty_cards import LoyaltyCard
from assets.tables.loyalty_users import LoyaltyUser
from assets.tables.table import Table
from assets.window import Window

MAX_RANGES = 7
"""The most ranges of days that one run reads; if events have more, it reads from the first day to the last."""

OF_A_CAMPAIGN = frozenset({"coupon_created", "coupon_updated", "coupon_removed"})
"""Kinds about the campaign itself; for these there are only hints (API.md, section 7)."""

_TABLES_OF_WORD: Mapping[str, tuple[type[Table], ...]] = {
    "loyalty": (LoyaltyCard, LoyaltyUser),
    "directory": (Directory, DirectoryCampaign, DirectoryRegistration),
}
"""The tables of kinds with such a word in their name; whether the API has such kinds is not known."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Hint:
    """What an event says."""

    kind: str | None
    campaign_id: str | None
    happened_at: datetime | None
    received_at: datetime

    @property
    def days(self) -> set[date]:
        """The days on which it may have happened, UTC: the zone of its time is not documented."""
        came_on = self.received_at.date()
        if self.happened_at is None or self.happened_at.date() > came_on + _DAY:
            return {came_on}
        happened_on = self.happened_at.date()
        return {happened_on, came_on} if came_on - happened_on <= _DAY else {happened_on}

    @property
    def tables(self) -> tuple[type[Table], ...]:
        """The tables that it is about, if these are not campaigns and sessions."""
        return next((tables for word, tables in _TABLES_OF_WORD.items() if word in (self.kind or "")), ())


@dataclass(frozen=True)
class TableRead:
    """A table to read, with its days and its parents."""

    table: type[Table]
    window: Window | None = None
    parents: tuple[str, ...] | None = None


def list_reads(hints: Collection[Hint], known_campaigns: Collection[str]) -> list[TableRead]:
    """Return what must be read, parents before their children."""
    of_campaigns = [hint for hint in hints if not hint.tables and hint.campaign_id]
    reads = []
    if any(hint.kind in OF_A_CAMPAIGN or hint.campaign_id not in known_campaigns for hint in of_campaigns):
        reads.append(TableRead(Campaign))
    reads += [TableRead(CouponSession, window, campaigns) for window, campaigns in _windows(of_campaigns).items()]
    for tables in _TABLES_OF_WORD.values():
        of_tables = [hint for hint in hints if hint.tables == tables]
        for table in tables if of_tables else ():
            has_days = table.SOURCE is not None and table.SOURCE.day
            reads += [TableRead(table, window) for window in _windows(of_tables)] if has_days else [TableRead(table)]
    return reads


def _windows(hints: Iterable[Hint]) -> dict[Window, tuple[str, ...]]:
    """Return the ranges of days of some events, each with the campaigns that these name."""
    campaigns_of_day: defaultdict[date, set[str]] = defaultdict(set)
    for hint in hints:
        for day in hint.days:
            campaigns_of_day[day].add(hint.campaign_id or "")
    ranges: list[list[date]] = []
    for day in sorted(campaigns_of_day):
        if ranges and day - ranges[-1][-1] == _DAY:
            ranges[-1].append(day)
        else:
            ranges.append([day])
    if len(ranges) > MAX_RANGES:
        ranges = [[day for days in ranges for day in days]]
    return {
        Window(days[0], days[-1], ignores_earlier_batches=True): tuple(
            sorted(set().union(*(campaigns_of_day[day] for day in days)))
        )
        for days in ranges
    }
