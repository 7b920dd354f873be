"""Ingests one table: extracts it into a batch, then merges the batch into the stage."""

import time
from collections.abc import Awaitable, Callable, Collection

from assets.errors import IngestError
from assets.ingest.cancellation import run_until_cancelled
from assets.ingest.destination import Destination, RunResources
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.ingested import Ingested, Rejections
from assets.ingest.metrics import note_failed, note_ingested
from assets.ingest.table_run import TableRun
from assets.tables.table import Table
from assets.window import Window
from resources.coupontools.server_clock import describe_lead
from resources.printable import join_names
from resources.warehouse.batches import open_batch

Extract = Callable[[TableRun], Awaitable[ExtractionReport]]
"""Reads a table into the batch of its run."""


def ingest(
    resources: RunResources,
    table: type[Table],
    extract: Extract,
    window: Window | None = None,
    parents: Collection[str] | None = None,
) -> Ingested:
    """Read a table into a batch, and merge it into the stage.

    `window` is None for a table without days; `parents` is None for all parents. Raises SettingsError,
    CoupontoolsError and WarehouseError; IngestError if too many records were rejected, or, after all else was merged,
    if some answer could not be read.
    """
    try:
        ingested = _ingest(resources, table, extract, window, parents)
    except Exception:
        note_failed(table, resources.log)
        raise
    note_ingested(ingested, window, resources.log, of_all_parents=parents is None)
    return ingested


def _ingest(
    resources: RunResources,
    table: type[Table],
    extract: Extract,
    window: Window | None,
    parents: Collection[str] | None,
) -> Ingested:
    destination, log = Destination.prepare(resources, table), resources.log
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
        merged = destination.merge(batch, report.complete_reads, report.traffic.clock_lead)
        seconds = time.monotonic() - started
    if warning := describe_lead(report.traffic.clock_lead):
        log.warning(f"{table.TABLE}: {warning}")
    if report.new_fields:
        fields = join_names(report.new_fields)
        log.warning(f"{table.TABLE}: fields without a column are kept in _extra: {fields}")
    _raise_if_unreadable(report)
    return Ingested(table, report, rejections, merged, seconds, coupontools.accepts_counts())


def _raise_if_unreadable(report: ExtractionReport) -> None:
    if not report.unreadable:
        return
    first, *others = report.unreadable
    more = f" {len(others)} more could not be read either." if others else ""
    raise IngestError(f"{first}{more}")
