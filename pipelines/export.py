"""Runs the export job in this process: the same job as Dagster's, for whoever starts it from the command line."""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
from dagster import (
    AssetCheckSeverity,
    BetaWarning,
    DagsterEventType,
    DagsterInstance,
    ExecuteInProcessResult,
    PreviewWarning,
)
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.execution.plan.objects import ErrorSource, StepFailureData

warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)

from assets.catalogue import ASSETS  # noqa: E402
from assets.checks import audit  # noqa: E402
from assets.partitions import daily, partition_range  # noqa: E402
from pipelines.definitions import build_defs  # noqa: E402
from pipelines.jobs import export, publish  # noqa: E402
from pipelines.progress import news  # noqa: E402

LOGGERS: dict[str, Any] = {"loggers": {"terminal": {}}}
"""The config of a run that tells its news on the terminal."""


@dataclass(frozen=True)
class Exported:
    """What an export published: rows by table, records rejected on the way, seconds, and where it lies."""

    rows: dict[str, int]
    rejected: int
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

    With `accept_drop` it is published although most of a table is gone from the account, with `accept_counts` although
    the API announces more records than it gives.
    """
    days = {"start": start.isoformat(), "end": end.isoformat()}
    return _export(days, accept_drop=accept_drop, accept_counts=accept_counts)


def export_everything(*, accept_drop: bool = False, accept_counts: bool = False) -> Exported:
    """Read the whole account, check, and publish: what windows of days cannot show, and what was deleted.

    `accept_drop` and `accept_counts` are those of `export_days`. Raises click.ClickException if a part fails.
    """
    return _export({"full": True}, accept_drop=accept_drop, accept_counts=accept_counts)


def publish_again() -> None:
    """Check what is staged, and publish it. Raises click.ClickException if a check says no."""
    with news() as terminal:
        defs = build_defs(loggers={"terminal": terminal})
        result = defs.resolve_job_def(publish.name).execute_in_process(run_config=LOGGERS, raise_on_error=False)
    _fail(_reasons(result))


def export_partitions(instance: DagsterInstance, days: Sequence[str]) -> None:
    """Read the partitions of some days, as a backfill would, and tell an instance. Raises click.ClickException."""
    with news() as terminal:
        job = build_defs(loggers={"terminal": terminal}).resolve_job_def(export.name)
        result = job.execute_in_process(
            run_config=LOGGERS, instance=instance, tags=partition_range(days), raise_on_error=False
        )
    _fail(_reasons(result))


def _export(days: Mapping[str, object], *, accept_drop: bool, accept_counts: bool) -> Exported:
    """Run the job with this config of the daily assets.

    A table that fails does not keep the others from being published, unless a blocking check says no. The run has a
    window instead of partitions: nobody would see the partitions' events, which cost some milliseconds each.
    """
    begun = time.monotonic()
    windowed = {asset.node_def.name: {"config": days} for asset in ASSETS.values() if asset.partitions_def == daily}
    audited = {audit.node_def.name: {"config": {"largest_drop": 1.0}}} if accept_drop else {}
    resources = {"coupontools": {"config": {"accept_counts": True}}} if accept_counts else {}
    with news() as terminal, DagsterInstance.ephemeral() as instance:
        defs = build_defs(loggers={"terminal": terminal})
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            run_config={"ops": {**windowed, **audited}, "resources": resources, **LOGGERS},
            instance=instance,
            raise_on_error=False,
        )
        reasons = _reasons(result)
        if reasons and result.get_asset_materialization_events():
            rest = defs.resolve_job_def(publish.name).execute_in_process(
                run_config={"ops": audited, **LOGGERS}, instance=instance, raise_on_error=False
            )
            reasons += _reasons(rest)
    _fail(reasons)
    return _exported(result, time.monotonic() - begun)


def _fail(reasons: Sequence[str]) -> None:
    if reasons:
        raise click.ClickException("\nError: ".join(dict.fromkeys(reasons)))


def _reasons(result: ExecuteInProcessResult) -> list[str]:
    """What went wrong, step by step; a text of several lines only if nobody has foreseen it.

    Raises click.Abort if somebody has ended the run, so that nothing more is to be brought out of it.
    """
    if result.success:
        return []
    failures = [
        event.step_failure_data for event in result.all_events if event.event_type == DagsterEventType.STEP_FAILURE
    ]
    if any(failure.error_source == ErrorSource.INTERRUPT for failure in failures):
        raise click.Abort
    checks = [
        f"Check {each.check_name} of {each.asset_key.to_user_string()} has failed. {each.description or ''}".rstrip()
        for each in result.get_asset_check_evaluations()
        if not each.passed and each.severity == AssetCheckSeverity.ERROR
    ]
    told = [_reason(failure) for failure in failures if not _is_by_a_check(failure)]
    return [*checks, *told] or ["The run failed before its first step."]


def _is_by_a_check(failure: StepFailureData) -> bool:
    return bool(failure.error and failure.error.cls_name == DagsterAssetCheckFailedError.__name__)


def _reason(failure: StepFailureData) -> str:
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    return f"Not foreseen, please report it: {failure.error_display_string}"


def _exported(result: ExecuteInProcessResult, seconds: float) -> Exported:
    told = {
        str(event.asset_key and event.asset_key.to_user_string()): {
            name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
    }
    published = told.pop("published_database")
    prefix = "rows of "
    rows = {name.removeprefix(prefix): int(str(value)) for name, value in published.items() if name.startswith(prefix)}
    rejected = sum(int(str(each.get("records rejected", 0))) for each in told.values())
    return Exported(rows, rejected, seconds, Path(str(published["database"])), Path(str(published["parquet"])))
