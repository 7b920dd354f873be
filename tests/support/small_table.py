"""A small table of things, and how the tests put rows into a warehouse."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from resources.warehouse import batches
from resources.warehouse.batch import Batch, BatchKey, CompletedSlice, SliceKey
from resources.warehouse.deletions import CompleteReads
from resources.warehouse.merge import MergePlan, MergeResult
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.origin import Origin
from resources.warehouse.publication import PublishResult
from resources.warehouse.schema import ColumnSchema, Month, TableSchema
from resources.warehouse.warehouse import Warehouse

THINGS = TableSchema(
    "things",
    ("id",),
    (
        ColumnSchema("id", "VARCHAR", "The thing's id"),
        ColumnSchema("made_at", "TIMESTAMP", "When it was made, UTC"),
        ColumnSchema("used_at", "TIMESTAMP", "When it was used, UTC"),
        ColumnSchema("colour", "VARCHAR", 'It\'s "colour"'),
        ColumnSchema("_extracted_at", "TIMESTAMP", "When it was seen, UTC"),
        ColumnSchema("_deleted_at", "TIMESTAMP", "When it was no longer there, UTC"),
    ),
    "Things, one row each",
    Month("made_at", ("used_at",)),
)
QUARANTINE = TableSchema(
    "quarantine",
    (),
    tuple(
        ColumnSchema(name, kind, name)
        for name, kind in [
            ("table_name", "VARCHAR"),
            ("endpoint", "VARCHAR"),
            ("parent_id", "VARCHAR"),
            ("window_start", "TIMESTAMP"),
            ("window_end", "TIMESTAMP"),
            ("record", "VARCHAR"),
            ("_extracted_at", "TIMESTAMP"),
        ]
    ),
    "Rejected",
)
ROWS: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "made_at": pl.Datetime("us"),
    "used_at": pl.Datetime("us"),
    "colour": pl.String,
    "_extracted_at": pl.Datetime("us"),
    "_deleted_at": pl.Datetime("us"),
}
REJECTED: dict[str, pl.DataType | type[pl.DataType]] = {
    "table_name": pl.String,
    "endpoint": pl.String,
    "parent_id": pl.String,
    "window_start": pl.Datetime("us"),
    "window_end": pl.Datetime("us"),
    "record": pl.String,
    "_extracted_at": pl.Datetime("us"),
}
ACCOUNT = Origin("account 0123456789abcdef")
PLAN = MergePlan(THINGS, QUARANTINE, ACCOUNT)
NOON = datetime(2026, 1, 1, 12)


def thing(
    identifier: str,
    colour: str | None = "red",
    seen: int = 0,
    made: datetime | None = NOON,
    used: datetime | None = None,
) -> tuple[Any, ...]:
    """One row, seen so many seconds after noon."""
    return identifier, made, used, colour, NOON + timedelta(seconds=seen), None


def done(start: date | None = None, end: date | None = None) -> CompletedSlice:
    """A slice that was read."""
    days = [day.isoformat() if day else None for day in (start, end)]
    return CompletedSlice(SliceKey("v3/things", "p", *days), 1)


def open_batch(
    warehouse: Warehouse,
    resume_key: str = "things",
    resumable_for: timedelta = timedelta(0),
    suppression: str = "",
) -> AbstractContextManager[Batch]:
    """Open a batch, which for this time a later run with the same key may resume."""
    key = BatchKey(resume_key, resumable_for, suppression, THINGS.date)
    return batches.open_batch(warehouse.engine, warehouse.store, key)


def folder_of(warehouse: Warehouse, batch: Batch) -> Path:
    """Where the files of a batch are."""
    return warehouse.folder.batches / batch.name


def fill(batch: Batch, *things: tuple[Any, ...], slice_: CompletedSlice | None = None) -> None:
    """Write things, and the slice that they complete, into a batch."""
    batch.add(pl.DataFrame(list(things), ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
    batch.complete(slice_ or done())
    batch.flush()


def merge(
    warehouse: Warehouse,
    *things: tuple[Any, ...],
    rejected: Sequence[str] = (),
    slice_: CompletedSlice | None = None,
    complete_reads: CompleteReads = (),
    still_there: Sequence[str] = (),
    rejected_at: datetime = NOON,
    table: TableSchema = THINGS,
) -> MergeResult:
    """Merge a batch of things, rejected records, and keys of records that are still there."""
    with open_batch(warehouse) as batch:
        of = (slice_ or done()).key
        window = [datetime.fromisoformat(day) if day else None for day in (of.start, of.end)]
        refused = [("things", of.endpoint, of.parent, *window, record, rejected_at) for record in rejected]
        present = pl.DataFrame({"id": still_there}, {"id": pl.String})
        rows = pl.DataFrame(list(things), ROWS, orient="row")
        batch.add(rows, pl.DataFrame(refused, REJECTED, orient="row"), present)
        batch.complete(slice_ or done())
        batch.flush()
        return merge_batch(warehouse.engine, batch, replace(PLAN, table=table, complete_reads=complete_reads))


def publish(
    warehouse: Warehouse,
    tables: Sequence[TableSchema] = (THINGS, QUARANTINE),
    texts: Mapping[str, str] | None = None,
) -> PublishResult:
    """Publish the stage, with texts beside the database."""
    with warehouse.engine.open_publication(tables) as publication:
        for name, text in (texts or {}).items():
            publication.add_file(name, text)
    return publication.result


def published(warehouse: Warehouse, query: str = "FROM things ORDER BY ALL") -> list[tuple[Any, ...]]:
    """Publish, and ask the published database."""
    publish(warehouse)
    with warehouse.engine.open_published() as connection:
        return connection.execute(query).fetchall()
