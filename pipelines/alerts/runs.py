"""Finds the problems of runs in Dagster, by step: that of a failed step is over when it succeeds in a later run."""

from collections.abc import Iterator
from typing import Final

import dagster as dg
from dagster import DagsterEventType as Event

from assets.dagster_internals import is_by_a_check, is_interruption
from assets.partitions import describe_partitions
from resources.alerts.ledger import Ledger, Problem
from resources.settings import Alerts

STEP, RUN = "step", "run"
"""The kinds of problems: of a step, named by its table or asset, and of a run that failed at no step."""

MAX_RUNS = 100
"""How many ended runs are looked at in one tick; the next one goes on."""

_ENDS: Final = (Event.RUN_SUCCESS, Event.RUN_FAILURE)

_WILL_RETRY = "dagster/will_retry"
"""The tag of a failed run that Dagster itself starts again."""


def newest_end(instance: dg.DagsterInstance) -> int:
    """Return the id of the newest event that ended a run, to follow later ones; -1 if no run has ended."""
    newest = [record.storage_id for kind in _ENDS for record in instance.fetch_run_status_changes(kind, 1).records]
    return max(newest, default=-1)


def follow_runs(context: dg.SensorEvaluationContext, ledger: Ledger, after: int) -> int:
    """Note in the ledger the problems of the runs that have ended since `after`; returns the id of the last end."""
    for storage_id, run_id, event in _ends(context.instance, after):
        run = context.instance.get_run_by_id(run_id)
        if run and _is_of_this_location(context, run) and run.tags.get(_WILL_RETRY) != "true":
            _follow(context.instance, ledger, run, has_failed=event == Event.RUN_FAILURE)
        after = storage_id
    return after


def _ends(instance: dg.DagsterInstance, after: int) -> Iterator[tuple[int, str, Event]]:
    """Yield the ends of runs after an id, in their order, with the ids of the runs."""
    ends: list[tuple[int, str, Event]] = []
    for kind in _ENDS:
        records = instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(kind, after_storage_id=after), MAX_RUNS, ascending=True
        ).records
        ends += [(record.storage_id, record.event_log_entry.run_id, kind) for record in records]
    yield from sorted(ends)[:MAX_RUNS]


def _is_of_this_location(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> bool:
    """Return whether a run is one of the code location that asks, of several on an instance."""
    if context.code_location_origin is None or run.remote_job_origin is None:
        return True
    of_run = run.remote_job_origin.repository_origin.code_location_origin
    return of_run.location_name == context.code_location_origin.location_name


def _follow(instance: dg.DagsterInstance, ledger: Ledger, run: dg.DagsterRun, *, has_failed: bool) -> None:
    connection = instance.get_records_for_run(run.run_id, of_type={Event.STEP_SUCCESS, Event.STEP_FAILURE})
    steps = [record.event_log_entry.get_dagster_event() for record in connection.records]
    where, failed = _describe(run), [step for step in steps if step.event_type == Event.STEP_FAILURE]
    ledger.settle(f"{STEP} {step.step_key}" for step in steps if step.event_type == Event.STEP_SUCCESS)
    for step in failed:
        if not is_by_a_check(step):  # which has a problem of its own
            ledger.note(Problem(f"{STEP} {step.step_key}", str(step.step_key), _reason(step), where))
    of_run = f"{RUN} {run.job_name}"
    if not has_failed or failed:
        ledger.settle([of_run])
    else:
        text = "The run has failed at no step: it could not start, or its process has died. Start it again."
        ledger.note(Problem(of_run, f"job {run.job_name}", text, where))


def _reason(failure: dg.DagsterEvent) -> str:
    """Describe why a step failed; of an unexpected error only the type, as its text may hold values."""
    data = failure.step_failure_data
    if is_interruption(failure):
        return "The run was interrupted. What was published stays; start it again, and it goes on where it stopped."
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error and (data.error.cause or data.error)
    name = f" ({error.cls_name})" if error else ""
    return f"An unexpected error{name}: the page of the run shows it. Please report it."


def _describe(run: dg.DagsterRun) -> str:
    """Say which run it was, of which partitions, and where its page is if that is known."""
    root = Alerts.read().dagster_url
    page = f"{root}/runs/{run.run_id}" if root else f"run {run.run_id}"
    return ", ".join(filter(None, (describe_partitions(run.tags), page)))
