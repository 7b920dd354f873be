"""When things run."""

from datetime import timedelta

import dagster as dg

from assets.partitions import cards
from pipelines.jobs import export, export_loyalty_users, full_export

daily_export = dg.build_schedule_from_partitioned_job(
    export,
    name="daily_export",
    hour_of_day=0,
    minute_of_hour=15,
    description="Yesterday, a quarter of an hour after it is over in UTC.",
)


@dg.schedule(job=export_loyalty_users, cron_schedule="20 0 * * *", execution_timezone="UTC")
def daily_export_of_loyalty_users(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """All loyalty cards that are known, in one run, once they are listed by the export of the day."""
    known = context.instance.get_dynamic_partitions(str(cards.name))
    if not known:
        return dg.SkipReason("No loyalty card is known yet: materialise loyalty_cards, which lists them.")
    # the tags of a backfill in one run
    return dg.RunRequest(
        tags={"dagster/asset_partition_range_start": known[0], "dagster/asset_partition_range_end": known[-1]}
    )


@dg.schedule(job=full_export, cron_schedule="30 1 * * 0", execution_timezone="UTC")
def weekly_full_export(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Everything, in the night to Sunday; it counts as a run of the last day."""
    last_day = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
    return dg.RunRequest(run_key=last_day, partition_key=last_day)
