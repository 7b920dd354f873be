"""The days that the export can read, and which of them a run is about."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from resources.settings import SettingsError, Storage

FIRST_DAY = Storage.read().start_date
"""The first daily partition (COUPONTOOLS_START_DATE)."""

cards = dg.DynamicPartitionsDefinition(name="loyalty_cards")
"""Loyalty cards of the account, by id; the asset `loyalty_cards` adds those that it finds."""

daily = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat(), timezone="UTC")
"""Days of activity in the account, UTC, up to yesterday."""


@dataclass(frozen=True)
class Window:
    """A range of days, UTC, both inclusive."""

    start: date
    end: date

    @property
    def resumable_for(self) -> timedelta:
        """How long after a crash the next run may go on where the dead one stopped.

        What was read of days that are over stays true so long; of a day that goes on, it does not.
        """
        return timedelta(hours=24) if self.end < datetime.now(UTC).date() else timedelta(0)

    @property
    def reaches_back_to_the_beginning(self) -> bool:
        """Whether nothing lies before the window."""
        return self.start <= FIRST_DAY

    def __str__(self) -> str:
        """The days, for messages."""
        return f"{self.start} to {self.end}"


class Days(dg.Config):
    """The days of a run without partitions, as `coupontools export` starts it: ISO dates, UTC, both inclusive."""

    start: str | None = None
    end: str | None = None


def window_of(context: dg.AssetExecutionContext, days: Days) -> Window:
    """The window of a run: its partitions', or that of its config. Raises SettingsError if it has neither."""
    if context.has_partition_key or context.has_partition_key_range:
        partitions = context.partition_time_window
        start, end = partitions.start.astimezone(UTC), partitions.end.astimezone(UTC)
        return Window(start.date(), (end - timedelta(microseconds=1)).date())
    if days.start and days.end:
        return Window(date.fromisoformat(days.start), date.fromisoformat(days.end))
    raise SettingsError("The run has no days: choose partitions, or give start and end in the config.")
