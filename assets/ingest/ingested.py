"""The result of ingesting a table, and the limits for rejected records."""

from dataclasses import dataclass

from assets.ingest.extraction_report import ExtractionReport
from assets.tables.table import Table
from resources.warehouse.batch import Batch
from resources.warehouse.merge import MergeResult

MAX_REJECTED_SHARE = 0.1
"""The share of a table's records that may be rejected; above it the run fails, and only quarantine is merged."""

MIN_REJECTED_TO_FAIL = 100
"""Fewer rejected records than this never fail a run, whatever their share."""


@dataclass(frozen=True)
class Rejections:
    """How many records of a batch do not fit its table, out of how many; those that a dead run had read count, too."""

    rejected: int
    records: int

    @classmethod
    def of(cls, batch: Batch) -> "Rejections":
        """Count over all slices of a batch."""
        return cls(sum(slice_.rejected for slice_ in batch.slices), sum(slice_.records for slice_ in batch.slices))

    @property
    def share(self) -> float:
        """The share of the records that were rejected."""
        return self.rejected / self.records if self.records else 0.0

    @property
    def are_too_many(self) -> bool:
        """Whether the table must not be merged."""
        return self.rejected >= MIN_REJECTED_TO_FAIL and self.rejected > self.records * MAX_REJECTED_SHARE


@dataclass(frozen=True)
class Ingested:
    """A table that was read and merged into the stage."""

    table: type[Table]
    report: ExtractionReport
    rejections: Rejections
    merged: MergeResult
    seconds_merging: float
    accepts_counts: bool
    """Whether lists that give fewer records than the API announces are accepted, so that the check passes."""
