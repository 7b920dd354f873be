"""Everything that is used of Dagster's private modules, of which the next version may have others."""

from collections.abc import Iterator, Sequence

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.execution.plan.objects import ErrorSource
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus


def latest_evaluations(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]
) -> Iterator[tuple[dg.AssetCheckKey, dg.AssetCheckEvaluation]]:
    """Yield the last evaluation of each check, in whatever run that was; none of a check that was never evaluated.

    The instance has no public method that reads evaluations back: `event_log_storage` is private.
    """
    storage = instance.event_log_storage
    statuses = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
    for key, latest in storage.get_latest_asset_check_execution_by_key(checks).items():
        record = latest
        if latest.status not in statuses:  # a run that goes on, or that was killed: look at the one before it
            record = next(iter(storage.get_asset_check_execution_history(key, limit=1, status=statuses)), latest)
        if record.status in statuses and record.evaluation:
            yield key, record.evaluation


def is_interruption(failure: dg.DagsterEvent) -> bool:
    """Return whether a step failed because somebody ended the run; the public failure event does not say that."""
    return failure.step_failure_data.error_source == ErrorSource.INTERRUPT


def is_by_a_check(failure: dg.DagsterEvent) -> bool:
    """Return whether a step failed because of a blocking check; the exception's class has no public name."""
    error = failure.step_failure_data.error
    return bool(error and error.cls_name == DagsterAssetCheckFailedError.__name__)
