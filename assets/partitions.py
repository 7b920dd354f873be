"""The partitions of assets, and the window of days that a run of Dagster reads."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from assets.window import Window
from resources.settings import SettingsError, Storage
from resources.utc import utc_today

_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def _storage_or_defaults() -> Storage:
    """Return the settings of partitions, or their defaults if the environment is wrong.

    Partitions need a first day when the code location loads, which it must do in any environment: each run and tick
    reads the variables again, and raises the error.
    """
    try:
        return Storage.read()
    except SettingsError:
        return Storage.model_construct()


cards = dg.DynamicPartitionsDefinition(name="loyalty_cards")
"""Loyalty cards of the account, by id; the sensor `loyalty_card_partitions` adds and removes them."""

daily = dg.DailyPartitionsDefinition(start_date=_storage_or_defaults().start_date.isoformat(), timezone="UTC")
"""Days of activity in the account, UTC, up to yesterday."""


def backfill_policy(partitions: dg.PartitionsDefinition[Any] | None) -> dg.BackfillPolicy:
    """Return how a backfill is split into runs: one, or of daily partitions one per COUPONTOOLS_DAYS_PER_RUN days."""
    days = _storage_or_defaults().days_per_run if partitions == daily else None
    return dg.BackfillPolicy.multi_run(days) if days else dg.BackfillPolicy.single_run()


class Days(dg.Config):
    """The days of a run without partitions, as `coupontools export` starts it: ISO dates, UTC, both inclusive.

    `full` reads everything, whatever the days and partitions, and so finds out what was deleted.
    """

    start: str | None = None
    end: str | None = None
    full: bool = False


def window_of(context: dg.AssetExecutionContext, days: Days, start_date: date) -> Window:
    """Return the window of a run, from its partitions or its config.

    Raises SettingsError if it has neither or both, days in the wrong order or in the future, or partitions before
    `start_date`.
    """
    if days.full:
        return Window()
    if has_partitions(context):
        if days.start or days.end:
            raise SettingsError(
                "The run has partitions, and days in its config: choose the partitions of all days that it shall read, "
                "and leave start and end out."
            )
        keys = context.partition_key_range
        if keys.start > keys.end:
            raise SettingsError(f"The run's partitions begin with {keys.start} and end with {keys.end}: swap the two.")
        partitions = context.partition_time_window
        start, end = partitions.start.astimezone(UTC), partitions.end.astimezone(UTC)
        window = Window(start.date(), (end - timedelta(microseconds=1)).date())
        if start.date() < start_date or end > datetime.now(UTC):
            raise SettingsError(f"There is no partition {window}: they run from {start_date} to yesterday, in UTC.")
        return window
    if days.start and days.end:
        first, last = _day("start", days.start), _day("end", days.end)
        if first > last:
            raise SettingsError(f"The run's config starts on {first}, after it ends on {last}: swap start and end.")
        if first > utc_today():
            raise SettingsError(
                f"The run's config starts on {first}, which has not begun: choose days until today, UTC."
            )
        return Window(first, last)
    raise SettingsError("The run has no days: choose partitions, or give start and end in the config.")


def _day(name: str, text: str) -> date:
    """Parse a day of a run's config. The error never shows the value: a config may name any environment variable."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"The {name} in the run's config is not a date: write it as 2026-01-31.") from None


def partition_range(keys: Sequence[str]) -> dict[str, str]:
    """Return the tags of a run over a range of partitions, as Dagster's backfills set them; empty for no partition."""
    if not keys:
        return {}
    return {_RANGE_START: keys[0], _RANGE_END: keys[-1]}


def describe_partitions(tags: Mapping[str, str]) -> str:
    """Describe the partitions of a run by its tags: one, the first and the last, or an empty text for none."""
    first = tags.get(_RANGE_START) or tags.get("dagster/partition", "")
    last = tags.get(_RANGE_END, first)
    return first if first == last else f"{first} to {last}"


def has_partitions(context: dg.AssetExecutionContext) -> bool:
    """Return whether a run has a partition or a range of partitions."""
    return bool(context.has_partition_key or context.has_partition_key_range)
