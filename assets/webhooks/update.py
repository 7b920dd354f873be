"""Brings the tables up to date with the events in the inbox: merges these, and reads what the verified ones touch.

An event is removed from the inbox when all of that is done, so that a run that fails loses none: the next one begins
with the same events, and merging or reading once more changes nothing.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from assets.catalogue import EXTRACTS
from assets.errors import IngestError
from assets.ingest import read_checks
from assets.ingest.destination import Destination, RunResources
from assets.ingest.ingest import ingest
from assets.ingest.ingested import Ingested
from assets.tables.campaigns import Campaign
from assets.tables.quarantine import Quarantine
from assets.tables.webhook_events import WebhookEvent
from assets.webhooks.hints import Hint, list_reads
from assets.webhooks.intake import open_inbox
from resources.settings import Webhooks
from resources.utc import utc_now
from resources.warehouse.batches import open_batch
from resources.warehouse.deletions import CompleteReads
from resources.warehouse.merge import MergeResult
from resources.warehouse.queries import read_values
from resources.warehouse.retention import delete_rows_before
from resources.warehouse.suppression import remove_suppressed
from resources.webhooks.inbox import VERDICTS, Inbox, state_of, written_at

MAX_TIME_TO_VERIFY = timedelta(hours=24)
"""How long an event waits to be verified; after that its `verified` stays null."""

_NOTHING: CompleteReads = ()


@dataclass(frozen=True)
class Updated:
    """What an update from the events of the inbox has done."""

    events: MergeResult = field(default_factory=MergeResult)
    deleted: int = 0
    """Events that were older than COUPONTOOLS_WEBHOOK_RETENTION_DAYS."""
    ingested: Sequence[Ingested] = ()
    """What was read for them."""


def update_from_events(resources: RunResources) -> Updated:
    """Merge the events of the inbox and read what they touch; nothing where none was ever received.

    Raises SettingsError, CoupontoolsError, WarehouseError and IngestError; then all events stay in the inbox.
    """
    inbox, engine = open_inbox(resources.warehouse), resources.warehouse.engine
    if not inbox.exists():
        return Updated()
    schema = WebhookEvent.schema_of_table()
    merged, ingested, files = MergeResult(), [], inbox.list_files()
    if files:
        rows, merged = _merge(resources, inbox, files)
        ingested = _read_what_is_touched(resources, rows.filter("verified"))
        with inbox.lock():
            inbox.remove([file for file in files if _is_done(file)])
    oldest = utc_now() - timedelta(days=Webhooks.read().webhook_retention_days)
    return Updated(merged, delete_rows_before(engine, schema, "received_at", oldest), ingested)


def _merge(resources: RunResources, inbox: Inbox, files: Sequence[str]) -> tuple[pl.DataFrame, MergeResult]:
    """Merge the events of some files; returns all of them, each once, and what the merge did."""
    engine, schema = resources.warehouse.engine, WebhookEvent.schema_of_table()
    destination = Destination.prepare(resources, WebhookEvent)
    # who is suppressed is read before the events are, so that the merge erases whoever is forgotten meanwhile
    with open_batch(engine, resources.warehouse.store, destination.batch_key(None)) as batch:
        # somebody may have been forgotten on another host, which does not see this inbox
        rows = remove_suppressed(_read_rows(inbox, files), schema, destination.suppressed)
        known = read_values(engine, schema, "verified", rows["event_id"].to_list())
        # a new event, or a verdict that the stored row does not have; a verified row stays as it is
        says_more = [
            event_id not in known or (verified is not None and not known[event_id] and verified != known[event_id])
            for event_id, verified in rows.select("event_id", "verified").iter_rows()
        ]
        batch.add(rows.filter(pl.Series(says_more, dtype=pl.Boolean)), Quarantine.schema_of_frames().to_frame())
        batch.flush()
        return rows, destination.merge(batch, _NOTHING)


def _read_rows(inbox: Inbox, files: Sequence[str]) -> pl.DataFrame:
    """Read the events of some files as rows of the table, each once: the first that is verified, or that came."""
    schema, now = WebhookEvent.schema_of_frames(), utc_now()
    frames = [
        frame.with_columns(pl.lit(VERDICTS[state_of(file)], pl.Boolean).alias("verified"))
        for file in files
        if (frame := inbox.read(file)) is not None
    ]
    rows = pl.concat([schema.to_frame(), *frames], how="diagonal").select(schema.names())
    first = rows.sort(pl.col("verified").fill_null(value=False), pl.col("received_at"), descending=[True, False])
    return first.unique("event_id", keep="first", maintain_order=True).with_columns(
        pl.lit(now, pl.Datetime("us")).alias("_extracted_at")
    )


def _read_what_is_touched(resources: RunResources, events: pl.DataFrame) -> list[Ingested]:
    """Read what verified events touch. Raises IngestError if a list gave fewer records than the API announced."""
    columns = ("kind", "campaign_id", "happened_at", "received_at")
    hints = [Hint(*row) for row in events.select(columns).iter_rows()]
    if not hints:
        return []
    named, ingested = {hint.campaign_id for hint in hints if hint.campaign_id}, []
    known = read_values(resources.warehouse.engine, Campaign.schema_of_table(), Campaign.KEY[0], named)
    for read in list_reads(hints, known):
        ingested.append(ingest(resources, read.table, EXTRACTS[read.table], read.window, read.parents))
        for evaluation in read_checks.evaluate(ingested[-1]):
            if evaluation.has_failed:
                raise IngestError(evaluation.description or f"The check {evaluation.check.name} has failed.")
    return ingested


def _is_done(file: str) -> bool:
    """Return whether a file can be removed once its events are merged."""
    return state_of(file) != "waiting" or time.time() - written_at(file) > MAX_TIME_TO_VERIFY.total_seconds()
