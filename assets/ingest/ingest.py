"""Ingests one table: extracts it into a batch, then merges the batch into the stage."""

import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import polars as pl

from assets.errors import IngestError
from assets.ingest.cancellation import run_until_cancelled
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.ingested import MAX_REJECTED_SHARE, Ingested, Rejections
from assets.ingest.personal_data import Redactor
from assets.ingest.progress import named
from assets.ingest.table_run import TableRun
from assets.partitions import Window
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from resources.coupontools.resource import CoupontoolsResource
from resources.printable import make_printable
from resources.settings import PersonalData
from resources.warehouse.admission import admit
from resources.warehouse.batch import Batch, BatchKey
from resources.warehouse.batches import open_batch
from resources.warehouse.deletions import CompleteReads
from resources.warehouse.merge import MergePlan, MergeResult, merge
from resources.warehouse.origin import Origin
from resources.warehouse.queries import list_live_rows
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.suppression import SuppressionList

Extract = Callable[[TableRun], Awaitable[ExtractionReport]]
"""Reads a table into the batch of its run."""


@dataclass(frozen=True)
class RunResources:
    """What a run works with: the account, the warehouse, and where it logs."""

    coupontools: CoupontoolsResource
    warehouse: WarehouseResource
    log: logging.Logger


@dataclass(frozen=True)
class _Destination:
    """Where the rows of a table are written, and what may be written of them."""

    warehouse: WarehouseResource
    table: type[Table]
    origin: Origin
    policy: PersonalData
    suppressed: SuppressionList

    @classmethod
    def admit(cls, resources: RunResources, table: type[Table]) -> "_Destination":
        """Read the policy for personal data, and refuse a folder that holds the rows of another origin."""
        policy = resources.warehouse.personal_data
        origin = Origin(resources.coupontools.account(), policy.label)
        admit(resources.warehouse.engine, origin)
        keep_salt = policy.personal_data == "drop"
        suppressed = resources.warehouse.engine.read_suppression(policy.secret, keep_salt=keep_salt)
        return cls(resources.warehouse, table, origin, policy, suppressed)

    def batch_key(self, window: Window | None) -> BatchKey:
        """Name what a batch is read for: a run continues only one that a dead run has read for the same.

        A batch for other columns, or under another policy for personal data, is of no use.
        """
        columns = sha256(repr((self.table.schema_of_table(), Quarantine.schema_of_table())).encode()).hexdigest()[:16]
        what = f"{self.table.TABLE} {window} of {self.origin.account}" if window else self.table.TABLE
        resume_key = f"{what}{self.policy.label} in columns {columns}"
        return BatchKey(resume_key, window.resumable_for if window else timedelta(0), self.suppressed.version)

    def redactor(self) -> Redactor | None:
        """Make what redacts personal data before it is written."""
        return Redactor.over(self.table, self.policy, self.suppressed)

    def stored_rows(self) -> pl.DataFrame:
        """Read the table's live rows in the stage."""
        rows = list_live_rows(self.warehouse.engine, self.table.schema_of_table())
        return pl.DataFrame(rows, self.table.schema_of_frames(), orient="row")

    def merge(self, batch: Batch, complete_reads: CompleteReads) -> MergeResult:
        """Merge a batch into the stage; only its quarantine if too many records were rejected, which fails the run."""
        rejections, reason = Rejections.of(batch), _most_frequent_reason(batch)
        plan = MergePlan(
            self.table.schema_of_table(),
            Quarantine.schema_of_table(),
            self.origin,
            complete_reads,
            rejected_only=rejections.are_too_many,
            secret=self.suppressed.secret,
        )
        merged = merge(self.warehouse.engine, batch, plan)
        if rejections.are_too_many:
            raise IngestError(
                f"{rejections.rejected:,} of {rejections.records:,} records do not fit the table {self.table.TABLE}, "
                f"more than {MAX_REJECTED_SHARE:.0%}: none of them is published. Most frequent reason: {reason}. The "
                "next publish shows them in the table quarantine."
            )
        return merged


def ingest(
    resources: RunResources,
    table: type[Table],
    extract: Extract,
    window: Window | None = None,
    parents: Collection[str] | None = None,
) -> Ingested:
    """Read a table into a batch, and merge it into the stage.

    `window` is None for a table without days, `parents` for all of them. Raises SettingsError, CoupontoolsError and
    WarehouseError; IngestError if too many records were rejected, or, after all else was merged, if some answer could
    not be read.
    """
    destination, log = _Destination.admit(resources, table), resources.log
    coupontools, warehouse = resources.coupontools, resources.warehouse
    with open_batch(warehouse.engine, warehouse.store, destination.batch_key(window)) as batch:

        async def run_extract() -> ExtractionReport:
            async with coupontools.connect(log) as client:
                return await extract(
                    TableRun(
                        client,
                        batch,
                        table,
                        destination.redactor(),
                        log,
                        window=window or Window(),
                        parents=parents,
                        stored_rows=destination.stored_rows,
                    )
                )

        report = run_until_cancelled(run_extract())
        rejections, started = Rejections.of(batch), time.monotonic()
        merged = destination.merge(batch, report.complete_reads)
        seconds = time.monotonic() - started
    if report.new_fields:
        fields = named(report.new_fields)
        log.warning(f"{table.TABLE}: fields without a column are kept in _extra: {fields}")
    _raise_if_unreadable(report)
    return Ingested(table, report, rejections, merged, seconds, coupontools.accepts_counts())


def _raise_if_unreadable(report: ExtractionReport) -> None:
    if not report.unreadable:
        return
    first, *others = report.unreadable
    more = f" {len(others)} more could not be read either." if others else ""
    raise IngestError(f"{first}{more}")


def _most_frequent_reason(batch: Batch) -> str | None:
    files = batch.files("rejected")
    if not files:
        return None
    reasons = (
        pl.scan_parquet(files, glob=False, hive_partitioning=False)
        .group_by("reason")
        .len()
        .sort("len", "reason", descending=[True, False])
    )
    return make_printable(str(reasons.head(1).collect()["reason"][0]))
