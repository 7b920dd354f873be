"""Exports the account in this process: reads each table, checks the stage, and publishes it, as Dagster's job does."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date

import click

from assets.catalogue import EXTRACTS, SOURCES
from assets.check import describe_failed
from assets.ingest import read_checks
from assets.ingest.destination import RunResources
from assets.ingest.ingest import ingest
from assets.ingest.ingested import Ingested
from assets.report.metrics import note_published
from assets.report.publish import publish
from assets.stage_checks import MAX_DROP, evaluate
from assets.tables.webhook_events import WebhookEvent
from assets.webhooks.update import update_from_events
from assets.window import Window
from pipelines.export_failure import CHECK, PUBLISH, START, TABLE, ExportFailure, FailedPart
from pipelines.progress import open_progress_log
from resources.coupontools.account import CoupontoolsAccount
from resources.warehouse.warehouse import Warehouse

_LABELS = {"database": "DuckDB", "parquet": "Parquet"}


@dataclass(frozen=True)
class Exported:
    """What an export published."""

    rows: dict[str, int]
    """The rows of each published table."""
    rejected: int
    """The rows that this run added to the quarantine."""
    seconds: float
    published_places: Mapping[str, str]
    """Where what is published lies, by what it is."""

    def show(self) -> None:
        """Print it as a short table."""
        width = max(map(len, self.rows))
        click.echo()
        click.echo(f"{'table':<{width}}  {'rows':>12}")
        for table, rows in self.rows.items():
            click.echo(f"{table:<{width}}  {rows:>12,}")
        click.echo(f"\n{self.seconds:.1f} seconds, {self.rejected:,} rejected rows in this run")
        labels = {kind: f"{_LABELS.get(kind, kind)}:" for kind in self.published_places}
        for kind, label in labels.items():
            click.echo(f"{label:<{max(map(len, labels.values()))}} {self.published_places[kind]}")


@dataclass
class _TablesRead:
    """The tables that were read and merged, what was read for webhook events, and why others were not."""

    tables: list[Ingested] = field(default_factory=list)
    of_events: list[Ingested] = field(default_factory=list)
    failed: list[FailedPart] = field(default_factory=list)


def export_days(start: date, end: date, *, accept_drop: bool = False, accept_counts: bool = False) -> Exported:
    """Read a range of days (UTC, both inclusive), check, and publish. Raises click.ClickException if a part fails.

    With `accept_drop` it publishes even if most of a table was deleted in the account, with `accept_counts` even if the
    API announces more records than it gives.
    """
    return _export(Window(start, end), accept_drop=accept_drop, accept_counts=accept_counts)


def export_everything(*, accept_drop: bool = False, accept_counts: bool = False) -> Exported:
    """Read the whole account, check, and publish: this finds what windows of days cannot show, and deletions.

    `accept_drop` and `accept_counts` are those of `export_days`. Raises click.ClickException if a part fails.
    """
    return _export(Window(), accept_drop=accept_drop, accept_counts=accept_counts)


def _export(window: Window, *, accept_drop: bool, accept_counts: bool) -> Exported:
    """Read the tables one after the other, check the stage, and publish it.

    A table that cannot be read does not keep the others from being published, unless a blocking check fails.
    """
    started = time.monotonic()
    with open_progress_log() as log, closing(Warehouse()) as warehouse:
        resources, read = RunResources(CoupontoolsAccount(accept_counts=accept_counts), warehouse, log), _TablesRead()
        try:
            _read_tables(resources, window, read)
            _read_events(resources, read)
            if not read.tables:
                raise ExportFailure(read.failed, (START, TABLE))
            audited = evaluate(warehouse.engine, largest_drop=1.0 if accept_drop else MAX_DROP)
            of_reads = [check for ingested in read.tables for check in read_checks.evaluate(ingested)]
            if failed := describe_failed([*of_reads, *audited]):
                of_checks = [FailedPart.by_check(name, line, str(window)) for name, line in failed.items()]
                raise ExportFailure([*of_checks, *read.failed], (START, TABLE, CHECK))
            log.info("Writing the database and the files that have changed")
            published = publish(warehouse.engine)
            note_published(published, log)
        except KeyboardInterrupt:
            raise click.Abort from None
        except ExportFailure:
            raise
        except Exception as error:
            of_publish = FailedPart.by_error(PUBLISH, "published_database", error)
            raise ExportFailure([of_publish, *read.failed], (START, TABLE)) from None
        published_places = warehouse.engine.published_places
    if read.failed:
        raise ExportFailure(read.failed, (START, TABLE, CHECK, PUBLISH))
    rejected = sum(ingested.merged.rejected for ingested in [*read.tables, *read.of_events])
    return Exported(published.rows, rejected, time.monotonic() - started, published_places)


def _read_tables(resources: RunResources, window: Window, read: _TablesRead) -> None:
    """Read one table after the other; the failure of one does not stop the others."""
    for table, source in SOURCES.items():
        try:
            read.tables.append(ingest(resources, table, EXTRACTS[table], window if source.day else None))
        except Exception as error:
            read.failed.append(FailedPart.by_error(TABLE, table.TABLE, error, str(window)))


def _read_events(resources: RunResources, read: _TablesRead) -> None:
    """Merge the waiting webhook events, and read what they touch."""
    try:
        read.of_events += update_from_events(resources).ingested
    except Exception as error:
        read.failed.append(FailedPart.by_error(TABLE, WebhookEvent.TABLE, error))
