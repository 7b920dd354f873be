"""From a batch into the stage, and what Dagster is told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from assets.extraction import Extraction
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.batch import Batch
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.stage import Merged


def table_asset(
    table: type[Table], *, group: str, partitions: dg.PartitionsDefinition[Any] | None = None
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare the asset of a table, described by its model; a backfill of any number of partitions is one run."""
    return dg.asset(
        group_name=group,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        kinds={"duckdb", "parquet"},
        owners=["team:data"],
        description=table.__doc__,
        metadata={
            "dagster/column_schema": table.schema_of_asset(),
            "dagster/table_name": table.TABLE,
            "API": dg.MetadataValue.url(table.PAGE),
        },
    )


@dataclass(frozen=True)
class Refusals:
    """How many records of a batch its table could not take."""

    refused: int
    records: int

    @classmethod
    def of(cls, batch: Batch) -> "Refusals":
        """Count over all units of a batch, resumed ones too."""
        return cls(sum(unit.refused for unit in batch.units), sum(unit.records for unit in batch.units))

    @property
    def are_too_many(self) -> bool:
        """Whether the table must not be published: more than a tenth of the records, and at least a hundred."""
        return self.refused >= 100 and self.refused > self.records / 10


def load(warehouse: WarehouseResource, coupontools: CoupontoolsResource, batch: Batch, table: type[Table]) -> Merged:
    """Merge a batch into the stage; only its quarantine if too many of its records were refused, which fails the run.

    Raises WarehouseError and dagster.Failure.
    """
    refusals = Refusals.of(batch)
    frequent = _most_frequent_reason(batch)
    merged = warehouse.merge(
        batch,
        table.schema_of_table(),
        Quarantine.schema_of_table(),
        "sandbox" if coupontools.is_sandbox() else "account",
        rejected_only=refusals.are_too_many,
    )
    if refusals.are_too_many:
        raise dg.Failure(
            f"{refusals.refused:,} of {refusals.records:,} records do not fit the table {table.TABLE}, more than a "
            f"tenth: nothing of it is published. Most frequent reason: {frequent}. The next publish shows them in the "
            "table quarantine.",
            allow_retries=False,
        )
    return merged


def _most_frequent_reason(batch: Batch) -> str | None:
    files = batch.files("rejected.parquet")
    if not files:
        return None
    reasons = pl.scan_parquet(files).group_by("reason").len().sort("len", "reason", descending=[True, False])
    return str(reasons.head(1).collect()["reason"][0])


def result(extraction: Extraction, merged: Merged) -> dg.MaterializeResult[Any]:
    """Tell Dagster what a run brought to a table."""
    traffic = extraction.traffic
    return dg.MaterializeResult(
        metadata={
            "records read": extraction.records,
            "rows new": merged.new,
            "rows touched": merged.touched,
            "records rejected": merged.rejected,
            "new API fields": ", ".join(sorted(extraction.new_fields)) or "none",
            "reads": extraction.units,
            "reads resumed": extraction.resumed,
            "parents gone": ", ".join(extraction.gone) or "none",
            "API requests": traffic.requests,
            "API bytes": traffic.bytes,
            "API retries": traffic.retries,
            "API throttled": traffic.throttled,
            "seconds reading": extraction.seconds,
        }
    )
