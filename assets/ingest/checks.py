"""What is checked of a reading while it is fresh: the asset that has read tells it, on itself."""

from collections.abc import Iterator

import dagster as dg

from assets.ingest.extract import ACCEPT_COUNTS
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.progress import named
from assets.tables.table import Table

COUNTS_RECONCILED = "counts_reconciled"
NO_REJECTED_RECORDS = "no_rejected_records"
NO_NEW_FIELDS = "no_new_fields"


def specs(table: type[Table]) -> list[dg.AssetCheckSpec]:
    """The checks of a table's reading; only a count that is wrong keeps it from being published."""
    return [
        dg.AssetCheckSpec(
            COUNTS_RECONCILED,
            asset=table.TABLE,
            blocking=True,
            description=f"As many records came as the API announced, where it says how many there are. {ACCEPT_COUNTS}",
        ),
        dg.AssetCheckSpec(
            NO_REJECTED_RECORDS,
            asset=table.TABLE,
            description="Every record fits the table. Those that do not are kept in the table quarantine; where they "
            "are more than a tenth, the run fails before anything of it is merged.",
        ),
        dg.AssetCheckSpec(
            NO_NEW_FIELDS,
            asset=table.TABLE,
            description="Every field of the API's records has a column. Others are kept in _extra.",
        ),
    ]


def results(
    table: type[Table], report: ExtractionReport, refused: int, records: int, *, accepts_counts: bool
) -> Iterator[dg.AssetCheckResult]:
    """What came of the checks; `refused` and `records` count those that a dead run had read, too.

    With `accepts_counts` lists that give fewer records than announced are a warning.
    """
    short = report.incomplete
    told = f"{short[0]} Nothing is published until it is read again without loss. {ACCEPT_COUNTS}" if short else None
    yield dg.AssetCheckResult(
        asset_key=table.TABLE,
        check_name=COUNTS_RECONCILED,
        passed=not short,
        severity=dg.AssetCheckSeverity.WARN if accepts_counts else dg.AssetCheckSeverity.ERROR,
        description=short[0] if short and accepts_counts else told,
        metadata={"records announced": report.announced, "lists that are short": len(short)},
    )
    yield dg.AssetCheckResult(
        asset_key=table.TABLE,
        check_name=NO_REJECTED_RECORDS,
        passed=not refused,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"records rejected": refused, "share": refused / records if records else 0.0},
    )
    yield dg.AssetCheckResult(
        asset_key=table.TABLE,
        check_name=NO_NEW_FIELDS,
        passed=not report.new_fields,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"fields": named(report.new_fields)},
    )
