"""Runs the export job over partitions on a Dagster instance, as a backfill from Dagster's page does."""

import logging
from collections.abc import Sequence

import click
import dagster as dg

from assets.check import describe_failed
from assets.check_results import evaluation_of
from assets.dagster_internals import is_by_a_check, is_interruption
from assets.partitions import partition_range
from pipelines.command_failure import CommandFailure
from pipelines.definitions import build_defs
from pipelines.jobs import export
from pipelines.progress import open_progress_log

LOGGERS: dict[str, object] = {"loggers": {"terminal": {}}}
"""The config of a run whose progress is shown on the terminal."""


def export_partitions(instance: dg.DagsterInstance, days: Sequence[str]) -> None:
    """Read the partitions of some days, as a backfill on that instance would. Raises click.ClickException."""
    with open_progress_log() as log:

        @dg.logger
        def terminal(_context: dg.InitLoggerContext) -> logging.Logger:
            return log

        job = build_defs(loggers={"terminal": terminal}).resolve_job_def(export.name)
        result = job.execute_in_process(
            run_config=LOGGERS, instance=instance, tags=partition_range(days), raise_on_error=False
        )
    if not result.success:
        raise CommandFailure(_failures(result))


def _failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """Describe what failed, step by step; only an unexpected error takes several lines.

    Raises click.Abort if somebody has ended the run: then nothing more is published of it.
    """
    failures = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    if any(map(is_interruption, failures)):
        raise click.Abort
    checks = describe_failed(map(evaluation_of, result.get_asset_check_evaluations())).values()
    steps = [_reason(failure) for failure in failures if not is_by_a_check(failure)]
    return [*checks, *steps] or ["The run failed before its first step."]


def _reason(failure: dg.DagsterEvent) -> str:
    data = failure.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return f"Unexpected error, please report it: {data.error_display_string}"
