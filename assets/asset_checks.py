"""Asset checks: the step that evaluates those of the stage, and which of all checks have failed.

What is checked is in `assets/stage_checks.py` and, of what a run has read, in `assets/ingest/read_checks.py`.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from assets.catalogue import SOURCES
from assets.check_results import evaluation_of, key_of, result_of, spec_of
from assets.dagster_internals import evaluated_in, latest_evaluations
from assets.ingest import read_checks
from assets.one_warehouse import WAREHOUSE
from assets.policies import WAREHOUSE_POOL, as_dagster_failure
from assets.stage_checks import CHECKS, MAX_DROP, evaluate
from resources.settings import SettingsError
from resources.warehouse.engine import Engine
from resources.warehouse.queries import has_changed
from resources.warehouse.warehouse import Warehouse


class Tolerance(dg.Config):
    """How many deleted rows a publish accepts."""

    largest_drop: float = Field(
        default=MAX_DROP,
        description="the largest share of a table's live rows that may be deleted since the last publish, from 0 to 1, "
        "which accepts any",
    )


_OF_STAGE = {key_of(check): check for check in CHECKS}

BLOCKING = [
    key_of(check)
    for check in (*CHECKS, *(check for table in SOURCES for check in read_checks.checks_of(table)))
    if check.is_blocking
]
"""The blocking checks: while one of them has failed, nothing is published."""


@dg.multi_asset_check(specs=list(map(spec_of, CHECKS)), can_subset=True, pool=WAREHOUSE_POOL)
def audit(
    context: dg.AssetCheckExecutionContext, config: Tolerance, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the checks of all tables at once: opening the stage takes longer than most of them."""
    with as_dagster_failure(context.op_execution_context.retry_number, warehouse):
        if not 0 <= config.largest_drop <= 1:
            raise SettingsError(
                "The largest_drop in the run's config is no share from 0 to 1: 0.5 is half of the rows."
            )
        chosen = [_OF_STAGE[key] for key in context.selected_asset_check_keys]
        evaluations = evaluate(warehouse.engine, chosen, config.largest_drop)
    yield from map(result_of, evaluations)


def audit_the_rest(engine: Engine, instance: dg.DagsterInstance, run_id: str, warehouse_id: str) -> None:
    """Evaluate the blocking checks that a run has not, if there is anything to publish. Raises WarehouseError.

    A run that publishes may audit some tables only, and a run that has merged others may have ended before its audit.
    Dagster is told what has failed, and what no longer does.
    """
    blocking = [key for key, check in _OF_STAGE.items() if check.is_blocking]
    evaluated = evaluated_in(instance, run_id, blocking)
    rest = [key for key in blocking if key not in evaluated]
    if not (rest and has_changed(engine)):
        return
    were_failed = {key for key, _ in _failed(instance, warehouse_id)}
    for evaluation in evaluate(engine, [_OF_STAGE[key] for key in rest]):
        key, result = key_of(evaluation.check), result_of(evaluation)
        if evaluation.has_failed or key in were_failed:
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    key.asset_key,
                    key.name,
                    passed=result.passed,
                    description=result.description,
                    metadata=result.metadata,
                    blocking=True,
                )
            )


def failed_checks(instance: dg.DagsterInstance, warehouse_id: str) -> list[str]:
    """Describe the blocking checks whose last evaluation for a warehouse has failed, in whichever run."""
    return [
        f"{key.name} of {key.asset_key.to_user_string()} ({evaluation.description or 'no reason'})"
        for key, evaluation in _failed(instance, warehouse_id)
    ]


def _failed(
    instance: dg.DagsterInstance, warehouse_id: str
) -> Iterator[tuple[dg.AssetCheckKey, dg.AssetCheckEvaluation]]:
    def is_of_the_warehouse(evaluation: dg.AssetCheckEvaluation) -> bool:
        known = evaluation.metadata.get(WAREHOUSE)
        return known is None or known.value == warehouse_id  # None: evaluated before warehouses had ids

    for key, kept in latest_evaluations(instance, BLOCKING, is_of_the_warehouse):
        if evaluation_of(kept).has_failed:
            yield key, kept
