"""When things run."""

import dagster as dg

from assets.partitions import cards
from pipelines.jobs import export, export_loyalty_users

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
