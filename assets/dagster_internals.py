"""The only module that imports Dagster's private modules, which may change with every version."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.errors import DagsterAssetCheckFailedError, DagsterUserCodeUnreachableError
from dagster._core.execution.plan.objects import ErrorSource
from dagster._core.launcher import CheckRunHealthResult as CheckRunHealthResult
from dagster._core.launcher import LaunchRunContext as LaunchRunContext
from dagster._core.launcher import WorkerStatus as WorkerStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.tags import AUTOMATION_CONDITION_TAG as AUTOMATION_CONDITION_TAG
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient


def latest_evaluations(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], counts: Callable[[dg.AssetCheckEvaluation], bool]
) -> Iterator[tuple[dg.AssetCheckKey, dg.AssetCheckEvaluation]]:
    """Yield for each check its last evaluation that `counts`, in whichever run; checks without one are left out.

    The instance has no public method that reads evaluations back: `event_log_storage` is private.
    """
    for key, latest in instance.event_log_storage.get_latest_asset_check_execution_by_key(checks).items():
        # a run that is still going, or was killed, has no evaluation yet: look at earlier ones
        evaluation = latest.evaluation if latest.status in _EVALUATED else None
        if not (evaluation and counts(evaluation)):
            evaluation = next(filter(counts, _earlier_evaluations(instance, key)), None)
        if evaluation:
            yield key, evaluation


def evaluated_in(
    instance: dg.DagsterInstance, run_id: str, checks: Sequence[dg.AssetCheckKey]
) -> set[dg.AssetCheckKey]:
    """Return the checks whose last evaluation is that of a run."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    return {key for key, record in latest.items() if record.run_id == run_id and record.status in _EVALUATED}


_EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
_PAGE = 50


def _earlier_evaluations(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield all evaluations of a check, the newest first."""
    storage, cursor = instance.event_log_storage, None
    while page := storage.get_asset_check_execution_history(check, limit=_PAGE, cursor=cursor, status=_EVALUATED):
        yield from (record.evaluation for record in page if record.evaluation)
        cursor = page[-1].id


def latest_versions(
    instance: dg.DagsterInstance, assets: Mapping[dg.AssetKey, dg.PartitionsDefinition[Any] | None]
) -> dict[dg.AssetKey, set[str]]:
    """Return the data versions of the newest materialisation of each asset, or of each of its partitions.

    Partitions that were removed do not count. The instance has no public method that reads versions by partition.
    """
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    versions = dict[dg.AssetKey, set[str]]()
    for record in instance.get_asset_records(list(assets)):
        key, newest = record.asset_entry.asset_key, record.asset_entry.last_materialization
        if partitions := assets[key]:
            tags = instance.event_log_storage.get_latest_tags_by_partition(key, kind, [DATA_VERSION_TAG])
            known = set(partitions.get_partition_keys(dynamic_partitions_store=instance))
            versions[key] = {of_partition[DATA_VERSION_TAG] for name, of_partition in tags.items() if name in known}
        elif newest and newest.asset_materialization:
            versions[key] = {(newest.asset_materialization.tags or {}).get(DATA_VERSION_TAG, "")}
    return versions


def has_lost_its_server(run: dg.DagsterRun) -> bool:
    """Return whether the code server that has started the process of a run, and watches it, no longer exists.

    One that is merely slow to answer still exists.
    """
    address = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    if not address:
        return False
    try:
        DagsterGrpcClient(**address).ping("")
    except DagsterUserCodeUnreachableError as error:
        code = getattr(error.__cause__, "code", None)
        return bool(code and code().name == "UNAVAILABLE")
    return False


def is_interruption(failure: dg.DagsterEvent) -> bool:
    """Return whether a step failed because somebody ended the run; the public failure event does not say that."""
    return failure.step_failure_data.error_source == ErrorSource.INTERRUPT


def is_by_a_check(failure: dg.DagsterEvent) -> bool:
    """Return whether a step failed because of a blocking check; the exception's class has no public name."""
    error = failure.step_failure_data.error
    return bool(error and error.cls_name == DagsterAssetCheckFailedError.__name__)
