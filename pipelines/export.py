"""Runs the export job in this process: the same job as Dagster's, for whoever starts it from the command line."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
import dagster as dg

from assets.catalogue import ASSETS
from assets.checks import audit
from assets.dagster_internals import is_by_a_check, is_interruption
from assets.partitions import daily, partition_range
from pipelines.command_failure import CommandFailure
from pipelines.definitions import build_defs
from pipelines.jobs import export, publish
from pipelines.progress import progress_logger
from resources.run_mode import Outcome, RunMode
from resources.warehouse.resource import WarehouseResource

LOGGERS: dict[str, object] = {"loggers": {"terminal": {}}}
"""The config of a run whose progress is shown on the terminal."""


@dataclass(frozen=True)
class Exported:
    """What an export published."""

    rows: dict[str, int]
    """The rows of each published table."""
    rejected: int
    """The rows that this run added to the quarantine."""
    seconds: float
    database: Path
    parquet: Path

    def show(self) -> None:
        """Print it as a short table."""
        width = max(map(len, self.rows))
        click.echo()
        click.echo(f"{'table':<{width}}  {'rows':>12}")
        for table, rows in self.rows.items():
            click.echo(f"{table:<{width}}  {rows:>12,}")
        click.echo(f"\n{self.seconds:.1f} seconds, {self.rejected:,} rejected rows in this run")
        click.echo(f"DuckDB:  {self.database}\nParquet: {self.parquet}")


def export_days(start: date, end: date, *, accept_drop: bool = False, accept_counts: bool = False) -> Exported:
    """Read a range of days (UTC, both inclusive), check, and publish. Raises click.ClickException if a part fails.

    With `accept_drop` it is published although most of a table was deleted in the account, with `accept_counts`
    although the API announces more records than it gives.
    """
    days = {"start": start.isoformat(), "end": end.isoformat()}
    return _export(days, accept_drop=accept_drop, accept_counts=accept_counts)


def export_everything(*, accept_drop: bool = False, accept_counts: bool = False) -> Exported:
    """Read the whole account, check, and publish: what windows of days cannot show, and what was deleted.

    `accept_drop` and `accept_counts` are those of `export_days`. Raises click.ClickException if a part fails.
    """
    return _export({"full": True}, accept_drop=accept_drop, accept_counts=accept_counts)


def export_partitions(instance: dg.DagsterInstance, days: Sequence[str]) -> None:
    """Read the partitions of some days, as a backfill on that instance would. Raises click.ClickException."""
    with progress_logger() as terminal:
        job = build_defs(loggers={"terminal": terminal}).resolve_job_def(export.name)
        result = job.execute_in_process(
            run_config=LOGGERS, instance=instance, tags=partition_range(days), raise_on_error=False
        )
    _raise_if_any(_failures(result))


def _export(days: Mapping[str, object], *, accept_drop: bool, accept_counts: bool) -> Exported:
    """Run the job with this config of the daily assets.

    A table that fails does not keep the others from being published, unless a blocking check fails. The run has a
    window instead of partitions: nobody would see the partitions' events, which cost some milliseconds each.
    """
    started = time.monotonic()
    windowed = {asset.node_def.name: {"config": days} for asset in ASSETS.values() if asset.partitions_def == daily}
    audited = {audit.node_def.name: {"config": {"largest_drop": 1.0}}} if accept_drop else {}
    resources = {"coupontools": {"config": {"accept_counts": True}}} if accept_counts else {}
    outcome = Outcome()
    with progress_logger() as terminal, dg.DagsterInstance.ephemeral() as instance:
        defs = build_defs(loggers={"terminal": terminal}, run_mode=RunMode(interactive=True, outcome=outcome))
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            run_config={"ops": {**windowed, **audited}, "resources": resources, **LOGGERS},
            instance=instance,
            raise_on_error=False,
        )
        reasons = _failures(result)
        if reasons and result.get_asset_materialization_events():
            rest = defs.resolve_job_def(publish.name).execute_in_process(
                run_config={"ops": audited, **LOGGERS}, instance=instance, raise_on_error=False
            )
            reasons += _failures(rest)
    _raise_if_any(reasons)
    folder = WarehouseResource().folder
    rows = outcome.published.rows if outcome.published else {}
    seconds = time.monotonic() - started
    return Exported(rows, sum(outcome.rejected.values()), seconds, folder.database, folder.parquet)


def _raise_if_any(reasons: Sequence[str]) -> None:
    if reasons:
        raise CommandFailure(reasons)


def _failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """Describe what failed, step by step; a text of several lines only where nobody has foreseen the error.

    Raises click.Abort if somebody has ended the run: then nothing more is published of it.
    """
    if result.success:
        return []
    failures = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    if any(map(is_interruption, failures)):
        raise click.Abort
    checks = [
        f"Check {check.check_name} of {check.asset_key.to_user_string()} has failed. {check.description or ''}".rstrip()
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR
    ]
    steps = [_reason(failure) for failure in failures if not is_by_a_check(failure)]
    return [*checks, *steps] or ["The run failed before its first step."]


def _reason(failure: dg.DagsterEvent) -> str:
    data = failure.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return f"Not foreseen, please report it: {data.error_display_string}"
