"""The Prometheus metrics of a publish."""

import logging
import time

from resources import metrics
from resources.metrics import note_metrics
from resources.warehouse.publication import PublishResult


def note_published(published: PublishResult, log: logging.Logger) -> None:
    """Note a publish, also one that had nothing to do."""
    note_metrics(
        [
            metrics.PUBLISHED_AT.of(time.time()),
            *(metrics.PUBLISHED_ROWS.of(rows, table=table) for table, rows in published.rows.items()),
            *(metrics.PUBLISH_STAGES.of(seconds, stage=stage) for stage, seconds in published.seconds.items()),
        ],
        log,
    )
