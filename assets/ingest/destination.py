"""The destination of a table's rows: its batch key, its policy for personal data, and the merge into the stage."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import polars as pl

from assets.errors import IngestError
from assets.ingest.ingested import MAX_REJECTED_SHARE, Rejections
from assets.ingest.personal_data import Redactor
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from assets.window import Window
from resources.coupontools.account import CoupontoolsAccount
from resources.printable import make_printable
from resources.settings import PersonalData
from resources.warehouse.admission import admit
from resources.warehouse.batch import Batch, BatchKey
from resources.warehouse.deletions import CompleteReads
from resources.warehouse.merge import MergePlan, MergeResult, merge
from resources.warehouse.origin import Origin
from resources.warehouse.queries import list_live_rows
from resources.warehouse.suppression import SuppressionList
from resources.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class RunResources:
    """What a run works with: the account, the warehouse, and where it logs."""

    coupontools: CoupontoolsAccount
    warehouse: Warehouse
    log: logging.Logger


@dataclass(frozen=True)
class Destination:
    """Where the rows of a table are written, and what may be written of them."""

    warehouse: Warehouse
    table: type[Table]
    origin: Origin
    policy: PersonalData
    suppressed: SuppressionList

    @classmethod
    def prepare(cls, resources: RunResources, table: type[Table]) -> "Destination":
        """Read the policy for personal data. Raises RefusedError if the warehouse holds rows of another origin."""
        warehouse, policy = resources.warehouse, resources.warehouse.personal_data
        origin = warehouse.origin_of(resources.coupontools.fingerprint())
        admit(warehouse.engine, origin)
        return cls(warehouse, table, origin, policy, warehouse.read_suppression())

    def batch_key(self, window: Window | None) -> BatchKey:
        """Name what a batch is read for: a run resumes the batch of a dead run only if both keys are the same.

        The key includes the columns and the policy for personal data: a batch with others cannot be merged.
        """
        schema = self.table.schema_of_table()
        columns = sha256(repr((schema, Quarantine.schema_of_table())).encode()).hexdigest()[:16]
        what = f"{self.table.TABLE} {window} of {self.origin.account}" if window else self.table.TABLE
        what += " read anew" if window and window.ignores_earlier_batches else ""
        resume_key = f"{what}{self.policy.label} in columns {columns}"
        resumable_for = window.resumable_for if window else timedelta(0)
        return BatchKey(resume_key, resumable_for, self.suppressed.version, schema.date)

    def redactor(self) -> Redactor | None:
        """Make the redactor of the run; None if everything is kept as it is."""
        return Redactor.over(self.table, self.policy, self.suppressed)

    def stored_rows(self) -> pl.DataFrame:
        """Read the table's live rows in the stage."""
        rows = list_live_rows(self.warehouse.engine, self.table.schema_of_table())
        return pl.DataFrame(rows, self.table.schema_of_frames(), orient="row")

    def merge(self, batch: Batch, complete_reads: CompleteReads, clock_lead: timedelta = timedelta(0)) -> MergeResult:
        """Merge a batch into the stage; if too many records are rejected, only quarantine, and raise IngestError.

        `clock_lead` is by how much the machine's clock is ahead of the API's.
        """
        rejections, reason = Rejections.of(batch), _most_frequent_reason(batch)
        plan = MergePlan(
            self.table.schema_of_table(),
            Quarantine.schema_of_table(),
            self.origin,
            complete_reads,
            rejected_only=rejections.are_too_many,
            secret=self.suppressed.secret,
            clock_lead=clock_lead,
        )
        merged = merge(self.warehouse.engine, batch, plan)
        if rejections.are_too_many:
            raise IngestError(
                f"{rejections.rejected:,} of {rejections.records:,} records do not fit the table {self.table.TABLE}, "
                f"more than {MAX_REJECTED_SHARE:.0%}: none of them is published. Most frequent reason: {reason}. The "
                "next publish shows them in the table quarantine."
            )
        return merged


def _most_frequent_reason(batch: Batch) -> str | None:
    counts = [rejected.group_by("reason").len() for rejected in batch.read("rejected")]
    if not counts:
        return None
    reasons = pl.concat(counts).group_by("reason").sum().sort("len", "reason", descending=[True, False])
    return make_printable(str(reasons["reason"][0]))
