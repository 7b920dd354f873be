"""Asset checks of the tables in the stage, evaluated before they are published.

The checks of what a run has read are in `assets/ingest/checks.py`: each table's run evaluates them.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import dagster as dg
from pydantic import Field

from assets.catalogue import ASSETS, KEYED, SOURCES
from assets.dagster_internals import evaluated_in, latest_evaluations
from assets.ingest import checks as ingest_checks
from assets.one_warehouse import WAREHOUSE
from assets.policies import WAREHOUSE_POOL, as_dagster_failure
from assets.tables.table import Table
from resources.warehouse.audit import (
    Audited,
    ask_stage,
    query_before_first_event,
    query_later_than_read,
    query_repeated_keys,
    query_without_parent,
)
from resources.warehouse.engine import Engine
from resources.warehouse.queries import has_changed
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.schema import Month

MAX_DROP = 0.5
"""The share of a table's live rows that may be deleted between two publishes."""

MAX_ROWS_OF_A_SMALL_DROP = 5
"""Up to this many rows may be deleted whatever their share: somebody may tidy up a small account."""


class Tolerance(dg.Config):
    """How many deleted rows a publish accepts."""

    largest_drop: float = Field(
        default=MAX_DROP,
        ge=0,
        le=1,
        description="the largest share of a table's live rows that may be deleted since the last publish; 1 accepts "
        "any",
    )


@dataclass(frozen=True)
class _Check:
    """A check of a table."""

    table: type[Table]
    spec: dg.AssetCheckSpec
    query: str | None = None
    """Counts the rows or keys that are wrong; None where live rows are compared with the published ones."""
    finding: str = ""
    """What the query counts, as the check's description says it."""
    others: tuple[type[Table], ...] = ()
    """Further tables that the query reads."""

    @property
    def key(self) -> dg.AssetCheckKey:
        return self.spec.key


def _unique_keys(table: type[Table]) -> _Check:
    spec = dg.AssetCheckSpec(
        "unique_keys", asset=table.TABLE, blocking=True, description="Each key is in one row only."
    )
    return _Check(table, spec, query_repeated_keys(table.schema_of_table()), "keys are in more than one row")


def _no_sudden_drop(table: type[Table]) -> _Check:
    spec = dg.AssetCheckSpec(
        "no_sudden_drop",
        asset=table.TABLE,
        blocking=True,
        description=f"Since the last publish no more than {MAX_DROP:.0%} of the live rows were deleted, or at most "
        f"{MAX_ROWS_OF_A_SMALL_DROP} rows. To publish anyway, launch the job publish with largest_drop: 1 in its "
        "config, or run coupontools export --accept-drop.",
    )
    return _Check(table, spec)


def _events(table: type[Table]) -> Iterator[_Check]:
    events, schema = table.FILES, table.schema_of_table()
    if not isinstance(events, Month):
        return
    spec = dg.AssetCheckSpec(
        "no_future_dates",
        asset=table.TABLE,
        description="No date is later than an hour after the row was read. Rows with such dates are published as the "
        "API has them.",
    )
    yield _Check(table, spec, query_later_than_read(schema, events), "rows have a date in the future")
    if events.otherwise:
        spec = dg.AssetCheckSpec(
            "dates_in_order",
            asset=table.TABLE,
            description=f"No date is before {events.column}. Rows with such dates are published as the API has them.",
        )
        yield _Check(table, spec, query_before_first_event(schema, events), f"rows have a date before {events.column}")


def _parents_exist(table: type[Table], parent: type[Table]) -> _Check:
    (column,) = parent.KEY
    spec = dg.AssetCheckSpec(
        "parents_exist",
        asset=table.TABLE,
        description=f"The {column} of every live row is in {parent.TABLE}.",
    )
    query = query_without_parent(table.schema_of_table(), {column: parent.schema_of_table()})
    return _Check(table, spec, query, "live rows without a parent", (parent,))


_CHECKS = {
    check.key: check
    for check in (
        *map(_unique_keys, KEYED),
        *map(_no_sudden_drop, ASSETS),
        *(check for table in ASSETS for check in _events(table)),
        *(_parents_exist(table, source.parent) for table, source in SOURCES.items() if source.parent),
    )
}

BLOCKING = [
    spec.key
    for spec in (
        *(check.spec for check in _CHECKS.values()),
        *(spec for table in ASSETS for spec in ingest_checks.specs(table)),
    )
    if spec.blocking
]
"""The blocking checks: while one of them has failed, nothing is published."""


@dg.multi_asset_check(specs=[check.spec for check in _CHECKS.values()], can_subset=True, pool=WAREHOUSE_POOL)
def audit(
    context: dg.AssetCheckExecutionContext, config: Tolerance, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the checks of all tables at once: opening the stage takes longer than most of them."""
    with as_dagster_failure(context.op_execution_context.retry_number, warehouse):
        results = evaluate(warehouse.engine, context.selected_asset_check_keys, config.largest_drop)
    yield from results


def evaluate(
    engine: Engine, keys: Collection[dg.AssetCheckKey] = _CHECKS.keys(), largest_drop: float = MAX_DROP
) -> list[dg.AssetCheckResult]:
    """Evaluate checks of the stage, all of them if none are named. Raises WarehouseError."""
    chosen = [check for key, check in _CHECKS.items() if key in keys]
    tables = dict.fromkeys(table for check in chosen for table in (check.table, *check.others))
    queries = {check.key: check.query for check in chosen if check.query}
    compared = [check.table.schema_of_table() for check in chosen if not check.query]
    audited = ask_stage(engine, [table.schema_of_table() for table in tables], queries, compared)
    return [_counted(check, audited) if check.query else _compared(check, audited, largest_drop) for check in chosen]


def audit_the_rest(engine: Engine, instance: dg.DagsterInstance, run_id: str, warehouse_id: str) -> None:
    """Evaluate the blocking checks that a run has not, if there is anything to publish. Raises WarehouseError.

    A run that publishes may audit some tables only, and a run that has merged others may have ended before its audit.
    Dagster is told what has failed, and what no longer does.
    """
    blocking = [key for key, check in _CHECKS.items() if check.spec.blocking]
    evaluated = evaluated_in(instance, run_id, blocking)
    rest = [key for key in blocking if key not in evaluated]
    if not (rest and has_changed(engine)):
        return
    were_failed = {key for key, _ in _failed(instance, warehouse_id)}
    for key, result in zip(rest, evaluate(engine, rest), strict=True):
        if ingest_checks.has_failed(result) or key in were_failed:
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


def _counted(check: _Check, audited: Audited) -> dg.AssetCheckResult:
    wrong = audited.wrong[check.key]
    severity = dg.AssetCheckSeverity.ERROR if check.spec.blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=check.key.asset_key,
        check_name=check.key.name,
        passed=wrong == 0,
        severity=severity,
        description=None if wrong == 0 else f"{wrong:,} {check.finding}.",
        metadata={check.finding: wrong, WAREHOUSE: audited.warehouse},
    )


def _compared(check: _Check, audited: Audited, largest_drop: float) -> dg.AssetCheckResult:
    live = audited.live[check.table.TABLE]
    published = live.published or 0
    is_sudden = live.lost > MAX_ROWS_OF_A_SMALL_DROP and live.lost > published * largest_drop
    return dg.AssetCheckResult(
        asset_key=check.key.asset_key,
        check_name=check.key.name,
        passed=not is_sudden,
        description=f"{live.lost:,} of the {published:,} published live rows of {check.table.TABLE} were deleted."
        if is_sudden
        else None,
        metadata={
            "live rows": live.staged,
            "live rows published": published,
            "live rows deleted": live.lost,
            WAREHOUSE: audited.warehouse,
        },
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

    for key, evaluation in latest_evaluations(instance, BLOCKING, is_of_the_warehouse):
        if ingest_checks.has_failed(evaluation):
            yield key, evaluation


def describe_failed(evaluations: Iterable[dg.AssetCheckResult | dg.AssetCheckEvaluation]) -> dict[str, str]:
    """Describe the checks that keep a run from publishing, a line for each, by check and table."""
    names = {
        f"{check.check_name} of {check.asset_key.to_user_string() if check.asset_key else ''}": check.description or ""
        for check in evaluations
        if ingest_checks.has_failed(check)
    }
    return {name: f"Check {name} has failed. {description}".rstrip() for name, description in names.items()}
