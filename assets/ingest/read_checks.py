"""The checks of what was read: each run evaluates those of the tables that it reads.

The checks of the tables in the stage are in `assets/stage_checks.py`.
"""

from assets.check import Check, Evaluation
from assets.ingest.extract import ACCEPT_COUNTS
from assets.ingest.ingested import MAX_REJECTED_SHARE, MIN_REJECTED_TO_FAIL, Ingested
from assets.tables.table import Table
from resources.printable import join_names


def checks_of(table: type[Table]) -> tuple[Check, Check, Check]:
    """Return the checks of a table; only counts that do not match keep it from being published."""
    return (
        Check(
            table.TABLE,
            "counts_reconciled",
            f"As many records were read as the API announced, where it announces how many. {ACCEPT_COUNTS}",
            is_blocking=True,
        ),
        Check(
            table.TABLE,
            "no_rejected_records",
            "Every record fits the table. Records that do not fit are kept in the table quarantine. If they are at "
            f"least {MIN_REJECTED_TO_FAIL} and more than {MAX_REJECTED_SHARE:.0%} of all, the run fails and merges "
            "none of its records.",
        ),
        Check(
            table.TABLE,
            "no_new_fields",
            "Every field of the API's records has a column. The values of other fields are kept in _extra.",
        ),
    )


def evaluate(ingested: Ingested) -> list[Evaluation]:
    """Evaluate the checks of a table that was read."""
    counts_reconciled, no_rejected_records, no_new_fields = checks_of(ingested.table)
    report, rejections, warehouse = ingested.report, ingested.rejections, ingested.merged.warehouse
    return [
        Evaluation(
            counts_reconciled,
            # not a warning: Dagster's automation takes a blocking check that warns for one that has failed
            ingested.accepts_counts or not report.incomplete,
            warehouse,
            {"records announced": report.announced, "incomplete lists": len(report.incomplete)},
            _describe_incomplete(ingested),
        ),
        Evaluation(
            no_rejected_records,
            not rejections.rejected,
            warehouse,
            {"records rejected": rejections.rejected, "share": rejections.share},
        ),
        Evaluation(no_new_fields, not report.new_fields, warehouse, {"fields": join_names(report.new_fields)}),
    ]


def _describe_incomplete(ingested: Ingested) -> str | None:
    if not ingested.report.incomplete:
        return None
    first = ingested.report.incomplete[0]
    if ingested.accepts_counts:
        return f"{first} That is accepted."
    return f"{first} Nothing is published until it is read again without loss. {ACCEPT_COUNTS}"
