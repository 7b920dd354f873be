"""Schedules of a running Dagster."""

from datetime import datetime
from typing import cast

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType  # noqa: TID251  (no public API sets when it began)
from dagster._core.scheduler.instigation import (  # noqa: TID251
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
)

from tests.support.dagster_dev import wait_until


def start_in_the_past(instance: dg.DagsterInstance, schedule: dg.ScheduleDefinition, moment: datetime) -> None:
    """Let a schedule run as if it did so since a moment: the daemon evaluates the last tick since then."""
    wait_until(lambda: bool(instance.all_instigator_state()), seconds=60)  # of a sensor, once the daemon has asked it
    sensor = instance.all_instigator_state()[0].origin
    origin = type(sensor)(repository_origin=sensor.repository_origin, instigator_name=schedule.name)
    begun = ScheduleInstigatorData(cast("str", schedule.cron_schedule), moment.timestamp())
    instance.add_instigator_state(InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, begun))
