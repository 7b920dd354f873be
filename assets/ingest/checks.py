"""The checks of what was read: each table asset evaluates them in its own run.

The checks of the tables in the stage are in `assets/checks.py`.
"""

from collections.abc import Iterator

import dagster as dg

from assets.ingest.extract import ACCEPT_COUNTS
from assets.ingest.ingested import MAX_REJECTED_SHARE, MIN_REJECTED_TO_FAIL, Ingested
from assets.one_warehouse import WAREHOUSE
from assets.tables.table import Table
from resources.printable import join_names

COUNTS_RECONCILED = "counts_reconciled"
NO_REJECTED_RECORDS = "no_rejected_records"
NO_NEW_FIELDS = "no_new_fields"


def specs(table: type[Table]) -> list[dg.AssetCheckSpec]:
    """Specify the checks of a table; only counts that do not match keep it from being published."""
    return [
        dg.AssetCheckSpec(
            COUNTS_RECONCILED,
            asset=table.TABLE,
            blocking=True,
            description=f"As many records were read as the API announced, where it announces how many. {ACCEPT_COUNTS}",
        ),
        dg.AssetCheckSpec(
            NO_REJECTED_RECORDS,
            asset=table.TABLE,
            description="Every record fits the table. Records that do not fit are kept in the table quarantine. If "
            f"they are at least {MIN_REJECTED_TO_FAIL} and more than {MAX_REJECTED_SHARE:.0%} of all, the run fails "
            "and merges none of its records.",
        ),
        dg.AssetCheckSpec(
            NO_NEW_FIELDS,
            asset=table.TABLE,
            description="Every field of the API's records has a column. The values of other fields are kept in _extra.",
        ),
    ]


def evaluate_checks(ingested: Ingested) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the checks."""
    table, report, rejections = ingested.table, ingested.report, ingested.rejections
    warehouse = {WAREHOUSE: ingested.merged.warehouse}
    yield dg.AssetCheckResult(
        asset_key=table.TABLE,
        check_name=COUNTS_RECONCILED,
        # not a warning: Dagster's automation takes a blocking check that warns for one that has failed
        passed=ingested.accepts_counts or not report.incomplete,
        description=_describe_incomplete(ingested),
        metadata={"records announced": report.announced, "incomplete lists": len(report.incomplete), **warehouse},
    )
    yield dg.AssetCheckResult(
        asset_key=table.TABLE,
        check_name=NO_REJECTED_RECORDS,
        passed=not rejections.rejected,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"records rejected": rejections.rejected, "share": rejections.share, **warehouse},
    )
    yield dg.AssetCheckResult(
        asset_key=table.TABLE,
        check_name=NO_NEW_FIELDS,
        passed=not report.new_fields,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"fields": join_names(report.new_fields), **warehouse},
    )


def has_failed(check: dg.AssetCheckResult | dg.AssetCheckEvaluation) -> bool:
    """Return whether a check has failed with the severity ERROR, which a warning has not."""
    return not check.passed and check.severity == dg.AssetCheckSeverity.ERROR


def _describe_incomplete(ingested: Ingested) -> str | None:
    if not ingested.report.incomplete:
        return None
    first = ingested.report.incomplete[0]
    if ingested.accepts_counts:
        return f"{first} That is accepted."
    return f"{first} Nothing is published until it is read again without loss. {ACCEPT_COUNTS}"
