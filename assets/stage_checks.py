"""The checks of the tables in the stage, evaluated before they are published.

The checks of what a run has read are in `assets/ingest/read_checks.py`: each table's run evaluates them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from assets.catalogue import KEYED, SOURCES
from assets.check import Check, Evaluation
from assets.tables.table import Table
from resources.warehouse.audit import (
    Audited,
    ask_stage,
    query_before_first_date,
    query_later_than_read,
    query_repeated_keys,
    query_without_parent,
)
from resources.warehouse.engine import Engine
from resources.warehouse.schema import Month

MAX_DROP = 0.5
"""The share of a table's live rows that may be deleted between two publishes."""

MAX_ROWS_OF_A_SMALL_DROP = 5
"""Up to this many rows may be deleted whatever their share: somebody may tidy up a small account."""

ACCEPT_DROP = (
    "launch the job publish with the config ops: {audit: {config: {largest_drop: 1}}}, or run coupontools export "
    "--accept-drop."
)
"""What a person can do about a drop that is true."""


@dataclass(frozen=True)
class _StageCheck:
    """A check, and how it is evaluated."""

    table: type[Table]
    check: Check
    query: str | None = None
    """Counts the rows or keys that are wrong; None where live rows are compared with the published ones."""
    finding: str = ""
    """What the query counts, as the check's description says it."""
    others: tuple[type[Table], ...] = ()
    """Further tables that the query reads."""


def _unique_keys(table: type[Table]) -> _StageCheck:
    check = Check(table.TABLE, "unique_keys", "Each key is in one row only.", is_blocking=True)
    return _StageCheck(table, check, query_repeated_keys(table.schema_of_table()), "keys are in more than one row")


def _no_sudden_drop(table: type[Table]) -> _StageCheck:
    check = Check(
        table.TABLE,
        "no_sudden_drop",
        f"Since the last publish no more than {MAX_DROP:.0%} of the live rows were deleted, or at most "
        f"{MAX_ROWS_OF_A_SMALL_DROP} rows. To publish anyway, {ACCEPT_DROP}",
        is_blocking=True,
    )
    return _StageCheck(table, check)


def _checks_of_dates(table: type[Table]) -> Iterator[_StageCheck]:
    dates, schema = table.FILES, table.schema_of_table()
    if not isinstance(dates, Month):
        return
    check = Check(
        table.TABLE,
        "no_future_dates",
        "No date is later than an hour after the row was read. Rows with such dates are published as the API has them.",
    )
    yield _StageCheck(table, check, query_later_than_read(schema, dates), "rows have a date in the future")
    if dates.otherwise:
        check = Check(
            table.TABLE,
            "dates_in_order",
            f"No date is before {dates.column}. Rows with such dates are published as the API has them.",
        )
        query = query_before_first_date(schema, dates)
        yield _StageCheck(table, check, query, f"rows have a date before {dates.column}")


def _parents_exist(table: type[Table], parent: type[Table]) -> _StageCheck:
    (column,) = parent.KEY
    check = Check(table.TABLE, "parents_exist", f"The {column} of every live row is in {parent.TABLE}.")
    query = query_without_parent(table.schema_of_table(), column, parent.schema_of_table())
    return _StageCheck(table, check, query, "live rows without a parent", (parent,))


_CHECKS = {
    stage_check.check: stage_check
    for stage_check in (
        *map(_unique_keys, KEYED),
        *map(_no_sudden_drop, SOURCES),
        *(check for table in SOURCES for check in _checks_of_dates(table)),
        *(_parents_exist(table, source.parent) for table, source in SOURCES.items() if source.parent),
    )
}

CHECKS: Collection[Check] = _CHECKS.keys()
"""The checks of all tables."""


def evaluate(engine: Engine, checks: Collection[Check] = CHECKS, largest_drop: float = MAX_DROP) -> list[Evaluation]:
    """Evaluate checks of the stage, all of them if none are named. Raises WarehouseError."""
    chosen = [_CHECKS[check] for check in CHECKS if check in checks]
    tables = dict.fromkeys(table for one in chosen for table in (one.table, *one.others))
    queries = {one.check: one.query for one in chosen if one.query}
    compared = [one.table.schema_of_table() for one in chosen if not one.query]
    audited = ask_stage(engine, [table.schema_of_table() for table in tables], queries, compared)
    return [_counted(one, audited) if one.query else _compared(one.check, audited, largest_drop) for one in chosen]


def _counted(one: _StageCheck, audited: Audited) -> Evaluation:
    wrong = audited.wrong[one.check]
    description = f"{wrong:,} {one.finding}." if wrong else None
    return Evaluation(one.check, wrong == 0, audited.warehouse, {one.finding: wrong}, description)


def _compared(check: Check, audited: Audited, largest_drop: float) -> Evaluation:
    live = audited.live[check.table]
    published = live.published or 0
    is_sudden = live.lost > MAX_ROWS_OF_A_SMALL_DROP and live.lost > published * largest_drop
    drop = f"{live.lost:,} of the {published:,} published live rows of {check.table} were deleted."
    description = f"{drop} If that is true, {ACCEPT_DROP}"
    return Evaluation(
        check,
        not is_sudden,
        audited.warehouse,
        {"live rows": live.staged, "live rows published": published, "live rows deleted": live.lost},
        description if is_sudden else None,
    )
