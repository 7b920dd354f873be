"""The schedules of the jobs."""

from datetime import date, datetime, timedelta

import dagster as dg

from assets.partitions import cards, daily, partition_range
from assets.table_assets import ASSETS
from assets.window import list_days
from pipelines.jobs import BEFORE_BACKFILLS, export, export_loyalty_users, full_export
from resources.settings import SettingsError, Storage

MAX_DAYS_TO_CATCH_UP = 31
"""The most missed days before yesterday that a run reads, too; older ones need a backfill."""


@dg.schedule(
    job=export,
    cron_schedule="15 0 * * *",
    execution_timezone="UTC",
    tags=BEFORE_BACKFILLS,
    description=f"Reads yesterday, with up to {MAX_DAYS_TO_CATCH_UP} days before it that were missed since the newest "
    "day that was read. Days before that which are missing or have failed are not read again: they need a backfill.",
)
def daily_export(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Export yesterday, a quarter of an hour after it is over in UTC, and the missed days before it."""
    last_day = _day_before(context.scheduled_execution_time)
    start_date = _read_start_date(last_day)
    if isinstance(start_date, dg.SkipReason):
        return start_date
    first_day = max(min(_first_day_to_read(context.instance, asset, last_day) for asset in _DAILY), start_date)
    days = list(map(str, list_days(first_day, last_day)))
    if len(days) == 1:
        return dg.RunRequest(run_key=days[-1], partition_key=days[-1])
    return dg.RunRequest(run_key=days[-1], tags=partition_range(days))


_DAILY = [key for asset in ASSETS.values() if asset.partitions_def == daily for key in asset.keys]


def _first_day_to_read(instance: dg.DagsterInstance, asset: dg.AssetKey, last_day: date) -> date:
    """Return the day after the newest that was read before `last_day`, at most MAX_DAYS_TO_CATCH_UP days before it.

    If none was read, it is `last_day` itself.
    """
    read = (date.fromisoformat(day) for day in instance.get_materialized_partitions(asset))
    newest = max((day for day in read if day < last_day), default=last_day - timedelta(days=1))
    return max(newest + timedelta(days=1), last_day - timedelta(days=MAX_DAYS_TO_CATCH_UP))


@dg.schedule(
    job=export_loyalty_users,
    cron_schedule="20 0 * * *",
    execution_timezone="UTC",
    tags=BEFORE_BACKFILLS,
    description="Reads all loyalty cards and their users, in one run.",
)
def daily_export_of_loyalty_users(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Export the users of all known loyalty cards, in one run.

    If none is known, the run has no partitions, and reads the cards that there are: without it the table would turn
    stale once the last card is deleted.
    """
    return dg.RunRequest(tags=partition_range(context.instance.get_dynamic_partitions(str(cards.name))))


@dg.schedule(
    job=full_export,
    cron_schedule="30 1 * * 0",
    execution_timezone="UTC",
    tags=BEFORE_BACKFILLS,
    description="Reads everything again, and finds what was deleted. In Dagster the run counts for the partition of "
    "the day before alone: other days stay missing there, although they are read.",
)
def weekly_full_export(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Export everything, early on Sunday (UTC); the run counts for the partition of the day before."""
    last_day = _day_before(context.scheduled_execution_time)
    start_date = _read_start_date(last_day)
    if isinstance(start_date, dg.SkipReason):
        return start_date
    return dg.RunRequest(run_key=last_day.isoformat(), partition_key=last_day.isoformat())


def _read_start_date(last_day: date) -> date | dg.SkipReason:
    """Read the first day that has a partition, or why there is none up to `last_day`."""
    try:
        start_date = Storage.read().start_date
    except SettingsError as error:
        return dg.SkipReason(str(error))
    return (
        start_date
        if start_date <= last_day
        else dg.SkipReason(f"No day is over since COUPONTOOLS_START_DATE, {start_date}.")
    )


def _day_before(moment: datetime) -> date:
    return (moment - timedelta(days=1)).date()
