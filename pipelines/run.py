"""Runs the export job in this process: the same job as Dagster's, for whoever starts it from the command line."""

import warnings
from collections.abc import Mapping
from datetime import date
from typing import Any

import click
from dagster import BetaWarning, DagsterEvent, DagsterEventType, ExecuteInProcessResult, PreviewWarning

warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)

from assets.partitions import Days  # noqa: E402  (the warnings are raised on import)
from pipelines.console import news  # noqa: E402
from pipelines.definitions import build_defs  # noqa: E402
from pipelines.jobs import export  # noqa: E402

Metadata = Mapping[str, Mapping[str, Any]]
"""For each asset what its run told Dagster."""


def export_days(start: date, end: date) -> Metadata:
    """Read a range of days (UTC, both inclusive), check, and publish. Raises click.ClickException if that fails.

    The run has a window instead of partitions: nobody would see the partitions' events, which cost some
    milliseconds each.
    """
    days = {"config": {"start": start.isoformat(), "end": end.isoformat()}}
    with news() as terminal:
        job = build_defs(loggers={"terminal": terminal}).resolve_job_def(export.name)
        result = job.execute_in_process(
            run_config={"ops": {"coupon_sessions": days}, "loggers": {"terminal": {}}}, raise_on_error=False
        )
    if not result.success:
        raise click.ClickException(_reason(result))
    return _metadata(result)


def _reason(result: ExecuteInProcessResult) -> str:
    """What went wrong first; a text of several lines only if nobody has foreseen it."""
    failures = [event for event in result.all_events if event.event_type == DagsterEventType.STEP_FAILURE]
    if not failures:
        return "The run failed before its first step."
    failure = failures[0].step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    return f"Not foreseen, please report it: {failure.error_display_string}"


def _metadata(result: ExecuteInProcessResult) -> Metadata:
    def entries(event: DagsterEvent) -> dict[str, Any]:
        return {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}

    materializations = result.get_asset_materialization_events()
    return {event.asset_key.to_user_string(): entries(event) for event in materializations if event.asset_key}
