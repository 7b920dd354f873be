"""When things run."""

import dagster as dg

from pipelines.jobs import export

daily_export = dg.build_schedule_from_partitioned_job(
    export,
    name="daily_export",
    hour_of_day=0,
    minute_of_hour=15,
    description="Yesterday, a quarter of an hour after it is over in UTC.",
)
