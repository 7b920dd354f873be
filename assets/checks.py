"""The audit between stage and publish: what must hold of the tables before anybody sees them.

What is checked of a reading alone is told by the asset that has read (`assets/ingest/checks.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
from pydantic import Field

from assets.catalogue import ASSETS, KEYED, SOURCES
from assets.dagster_internals import latest_evaluations
from assets.ingest import checks as reading_checks
from assets.policies import WAREHOUSE_POOL, as_dagster_failure
from assets.tables.table import Table
from resources.warehouse.audit import (
    LiveRows,
    before_the_beginning,
    later_than_seen,
    repeated_keys,
    without_parent,
)
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.schema import Month

MIN_ROWS_OF_A_DROP = 5
"""So few rows may go at one time, whatever their share: somebody has tidied up a small account."""


class Tolerance(dg.Config):
    """How much may be gone: the share of a table's live rows that a publish may take away at one time."""

    largest_drop: float = Field(
        default=0.5, ge=0, le=1, description="1 lets a run publish although most of a table is gone"
    )


@dataclass(frozen=True)
class _Check:
    """A check of a table: a request that counts what is wrong, in `words`; none where live rows are compared."""

    table: type[Table]
    spec: dg.AssetCheckSpec
    query: str | None = None
    words: str = ""
    others: tuple[type[Table], ...] = ()

    @property
    def key(self) -> dg.AssetCheckKey:
        return self.spec.key


def _unique_keys(table: type[Table]) -> _Check:
    spec = dg.AssetCheckSpec(
        "unique_keys", asset=table.TABLE, blocking=True, description="Each key stands in one row of the stage."
    )
    return _Check(table, spec, repeated_keys(table.schema_of_table()), "keys stand in more than one row")


def _no_sudden_drop(table: type[Table]) -> _Check:
    spec = dg.AssetCheckSpec(
        "no_sudden_drop",
        asset=table.TABLE,
        blocking=True,
        description="No more than half of the rows that are published as live, or "
        f"{MIN_ROWS_OF_A_DROP}, have gone from the account since. To publish what is left all the same, launch the "
        "job publish with largest_drop: 1 in its config, or run coupontools export --accept-drop.",
    )
    return _Check(table, spec)


def _events(table: type[Table]) -> Iterator[_Check]:
    events, schema = table.FILES, table.schema_of_table()
    if not isinstance(events, Month):
        return
    spec = dg.AssetCheckSpec(
        "no_future_dates",
        asset=table.TABLE,
        description="Nothing happened later than an hour after it was read. Such rows are published as the API has "
        "them.",
    )
    yield _Check(table, spec, later_than_seen(schema, events), "rows lie in the future")
    if events.otherwise:
        spec = dg.AssetCheckSpec(
            "dates_in_order",
            asset=table.TABLE,
            description=f"Nothing happened before {events.column}. Such rows are published as the API has them.",
        )
        yield _Check(table, spec, before_the_beginning(schema, events), f"rows have a date before {events.column}")


def _parents_exist(table: type[Table], parent: type[Table]) -> _Check:
    (column,) = parent.KEY
    spec = dg.AssetCheckSpec(
        "parents_exist",
        asset=table.TABLE,
        description=f"Every live row is found in {parent.TABLE} by its {column}.",
    )
    query = without_parent(table.schema_of_table(), {column: parent.schema_of_table()})
    return _Check(table, spec, query, "live rows have no parent", (parent,))


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
        *(spec for table in ASSETS for spec in reading_checks.specs(table)),
    )
    if spec.blocking
]
"""The checks of which none may have failed when something is published."""


@dg.multi_asset_check(specs=[check.spec for check in _CHECKS.values()], can_subset=True, pool=WAREHOUSE_POOL)
def audit(
    context: dg.AssetCheckExecutionContext, config: Tolerance, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """Look at all tables of the run at once: opening the stage takes longer than most of them."""
    chosen = [check for key, check in _CHECKS.items() if key in context.selected_asset_check_keys]
    tables = dict.fromkeys(table for check in chosen for table in (check.table, *check.others))
    queries = {check.key: check.query for check in chosen if check.query}
    compared = [check.table.schema_of_table() for check in chosen if not check.query]
    with as_dagster_failure():
        audited = warehouse.audit([table.schema_of_table() for table in tables], queries, compared)
    for check in chosen:
        if check.query:
            yield _counted(check, audited.wrong[check.key])
        else:
            yield _compared(check, audited.live[check.table.TABLE], config.largest_drop)


def _counted(check: _Check, wrong: int) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if check.spec.blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=check.key.asset_key,
        check_name=check.key.name,
        passed=wrong == 0,
        severity=severity,
        description=None if wrong == 0 else f"{wrong:,} {check.words}.",
        metadata={check.words: wrong},
    )


def _compared(check: _Check, live: LiveRows, largest_drop: float) -> dg.AssetCheckResult:
    published = live.published or 0
    is_sudden = live.lost > MIN_ROWS_OF_A_DROP and live.lost > published * largest_drop
    return dg.AssetCheckResult(
        asset_key=check.key.asset_key,
        check_name=check.key.name,
        passed=not is_sudden,
        description=f"Of {published:,} live rows of {check.table.TABLE} {live.lost:,} have gone."
        if is_sudden
        else None,
        metadata={"live rows": live.staged, "live rows published": published, "rows lost": live.lost},
    )


def failed_checks(instance: dg.DagsterInstance) -> list[str]:
    """Describe the blocking checks that failed when they were last evaluated, in whatever run that was."""
    return [
        f"{key.name} of {key.asset_key.to_user_string()} ({evaluation.description or 'no reason'})"
        for key, evaluation in latest_evaluations(instance, BLOCKING)
        if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
    ]
