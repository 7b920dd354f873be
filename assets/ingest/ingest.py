"""Runs the asset of a table: extracts into a batch, merges it into the stage, and reports the result to Dagster."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg
import polars as pl

from assets.ingest import checks as reading_checks
from assets.ingest.cancellation import run_until_cancelled
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.personal_data import Redactor
from assets.ingest.progress import named
from assets.ingest.table_run import TableRun
from assets.policies import as_dagster_failure
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from resources.coupontools.resource import CoupontoolsResource
from resources.printable import make_printable
from resources.settings import PersonalData
from resources.warehouse.batch import Batch
from resources.warehouse.deletions import Whole
from resources.warehouse.merge import Merged
from resources.warehouse.origin import Origin
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.suppression import SuppressionList

if TYPE_CHECKING:
    Materialized: TypeAlias = dg.MaterializeResult[Any]
else:  # Dagster does not know it with its parameter
    Materialized = dg.MaterializeResult


def read_table(
    context: dg.AssetExecutionContext,
    coupontools: CoupontoolsResource,
    warehouse: WarehouseResource,
    table: type[Table],
    read: Callable[[TableRun], Awaitable[ExtractionReport]],
    purpose: str = "",
    reuse_for: timedelta = timedelta(0),
) -> Materialized:
    """Fill a batch by `read`, merge it into the stage, and tell Dagster what came of it.

    `purpose` and `reuse_for` say which batch of a dead run may be taken up; see `open_batch`.

    Raises dagster.Failure; also, after all else was merged, if some answer could not be read.
    """
    with as_dagster_failure(context):
        policy = PersonalData.read()
        origin = Origin(coupontools.account(), policy.told)
        warehouse.admit(origin)
        # a command warns once, before it starts
        if not context.instance.is_ephemeral and (risk := coupontools.risk()):
            context.log.warning(risk)
        suppressed = warehouse.suppressed(policy.secret, keep_salt=policy.personal_data == "drop")
    with as_dagster_failure(context), warehouse.batch(_purpose(table, purpose, policy), reuse_for, suppressed) as batch:
        redactor = Redactor.over(table, policy, suppressed)

        async def run() -> ExtractionReport:
            async with coupontools.connected(context.log) as client:
                return await read(TableRun(client, batch, table, redactor, context.log))

        report = run_until_cancelled(run())
        refusals = Rejections.of(batch)
        begun = time.monotonic()
        merged = load(warehouse, origin, batch, table, report.complete_reads, suppressed)
        seconds = time.monotonic() - begun
    if report.new_fields:
        fields = named(report.new_fields)
        context.log.warning(f"{table.TABLE}: fields without a column are kept in _extra: {fields}")
    if report.unreadable:
        first, *others = report.unreadable
        more = f" So it is with {len(others)} more." if others else ""
        raise dg.Failure(f"{first}{more}")
    return result(table, report, refusals, merged, seconds, accepts_counts=coupontools.accepts_counts())


def _purpose(table: type[Table], purpose: str, policy: PersonalData) -> str:
    """What a batch is read for: one of other columns, or under another policy, is no use to a later run."""
    columns = sha256(repr((table.schema_of_table(), Quarantine.schema_of_table())).encode()).hexdigest()[:16]
    return f"{purpose or table.TABLE}{policy.told} in columns {columns}"


@dataclass(frozen=True)
class Rejections:
    """How many records of a batch its table could not take."""

    refused: int
    records: int

    @classmethod
    def of(cls, batch: Batch) -> "Rejections":
        """Count over all slices of a batch, resumed ones too."""
        return cls(sum(slice_.refused for slice_ in batch.slices), sum(slice_.records for slice_ in batch.slices))

    @property
    def are_too_many(self) -> bool:
        """Whether the table must not be published: more than a tenth of the records, and at least a hundred."""
        return self.refused >= 100 and self.refused > self.records / 10


def load(
    warehouse: WarehouseResource,
    origin: Origin,
    batch: Batch,
    table: type[Table],
    whole: Whole,
    suppressed: SuppressionList,
) -> Merged:
    """Merge a batch into the stage; only its quarantine if too many of its records were refused, which fails the run.

    `suppressed` are the people whom the batch is without.

    Raises WarehouseError and dagster.Failure.
    """
    refusals = Rejections.of(batch)
    frequent = _most_frequent_reason(batch)
    merged = warehouse.merge(
        batch,
        table.schema_of_table(),
        Quarantine.schema_of_table(),
        origin,
        whole=whole,
        rejected_only=refusals.are_too_many,
        suppressed=suppressed,
    )
    if refusals.are_too_many:
        raise dg.Failure(
            f"{refusals.refused:,} of {refusals.records:,} records do not fit the table {table.TABLE}, more than a "
            f"tenth: nothing of it is published. Most frequent reason: {frequent}. The next publish shows them in the "
            "table quarantine."
        )
    return merged


def _most_frequent_reason(batch: Batch) -> str | None:
    files = batch.files("rejected.parquet")
    if not files:
        return None
    reasons = (
        pl.scan_parquet(files, glob=False, hive_partitioning=False)
        .group_by("reason")
        .len()
        .sort("len", "reason", descending=[True, False])
    )
    return make_printable(str(reasons.head(1).collect()["reason"][0]))


def result(
    table: type[Table],
    report: ExtractionReport,
    refusals: Rejections,
    merged: Merged,
    seconds_merging: float,
    *,
    accepts_counts: bool,
) -> Materialized:
    """Tell Dagster what a run brought to a table."""
    traffic = report.traffic
    return dg.MaterializeResult(
        asset_key=table.TABLE,
        check_results=list(
            reading_checks.results(table, report, refusals.refused, refusals.records, accepts_counts=accepts_counts)
        ),
        metadata={
            "records read": report.records,
            "rows new": merged.new,
            "rows touched": merged.touched,
            "rows deleted": merged.deleted,
            "records rejected": merged.rejected,
            "records outside the days": report.outside_window,
            "records found under": ", ".join(sorted(report.places)) or "nothing",
            "new API fields": named(report.new_fields),
            "reads": report.slices,
            "reads resumed": report.resumed,
            "parents gone": named(report.deleted),
            "lists ended by a short page": report.ended_by_short_page,
            "lists that moved while read": len(report.unstable),
            "records found by reading again": report.recovered,
            "not in the account": " ".join(report.not_available) or "nothing",
            "API requests": traffic.requests,
            "API bytes": traffic.bytes,
            "API retries": traffic.retries,
            "API throttled": traffic.throttled,
            "seconds reading": round(report.seconds, 3),
            "seconds merging": round(seconds_merging, 3),
            **({"changes kept": merged.changed} if table.HISTORY else {}),
        },
    )
