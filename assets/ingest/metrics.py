"""The Prometheus metrics of ingesting a table."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from datetime import time as time_of_day

from assets.ingest.ingested import Ingested
from assets.tables.table import Table
from assets.window import Window
from resources import metrics
from resources.metrics import Sample, note_metrics

_SECONDS_OF_A_DAY = 86_400


def note_ingested(ingested: Ingested, window: Window | None, log: logging.Logger, *, of_all_parents: bool) -> None:
    """Note a table that was read and merged; a read of some parents only does not move READ_UNTIL."""
    table, now = ingested.table.TABLE, time.time()
    samples = list(_samples(ingested))
    samples.append(metrics.MERGED_AT.of(now, table=table))
    if of_all_parents:
        begun = now - ingested.seconds_merging - ingested.report.seconds
        samples.append(metrics.READ_UNTIL.of(min(begun, _end_of(window)), table=table))
    note_metrics(samples, log)


def note_failed(table: type[Table], log: logging.Logger) -> None:
    """Note that a table could not be read or merged."""
    note_metrics([metrics.RUNS.of(1, table=table.TABLE, outcome="failed")], log)


def _samples(ingested: Ingested) -> Iterator[Sample]:
    table, report, merged = ingested.table.TABLE, ingested.report, ingested.merged
    traffic = report.traffic
    yield metrics.RUNS.of(1, table=table, outcome="merged")
    yield metrics.RECORDS.of(report.records, table=table)
    yield metrics.REJECTED.of(merged.rejected, table=table)
    for change, rows in (("new", merged.new), ("touched", merged.touched), ("deleted", merged.deleted)):
        yield metrics.ROWS.of(rows, table=table, change=change)
    yield metrics.REQUESTS.of(traffic.requests, table=table)
    yield metrics.RETRIES.of(traffic.retries, table=table)
    yield metrics.THROTTLED.of(traffic.throttled, table=table)
    yield metrics.RECEIVED.of(traffic.bytes, table=table)
    for stage, seconds in (("reading", report.seconds), ("merging", ingested.seconds_merging)):
        yield metrics.STAGES.of(seconds, table=table, stage=stage)


def _end_of(window: Window | None) -> float:
    """Return when the days of a window are over, as seconds since 1970."""
    if window is None or window.end is None:
        return float("inf")
    return datetime.combine(window.end, time_of_day(), UTC).timestamp() + _SECONDS_OF_A_DAY
