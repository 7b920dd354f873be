"""The context of one table's extraction."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import polars as pl

from assets.ingest.personal_data import Redactor
from assets.normalise.quarantine_rows import quarantine_answer
from assets.tables.table import Source, Table, source_of
from assets.window import Window
from resources.coupontools.client import Client
from resources.coupontools.errors import UnreadableError
from resources.coupontools.requests import Slice
from resources.warehouse.batch import Batch


@dataclass(frozen=True)
class TableRun:
    """What the extraction of one table needs: the client, the batch, the redactor, and what to read."""

    client: Client
    batch: Batch
    table: type[Table]
    redactor: Redactor | None
    """What is done to personal data before it is written; None if all is kept as it is."""
    log: logging.Logger
    window: Window = field(default_factory=Window)
    """The days to read; all of them for a table without days."""
    parents: Collection[str] | None = None
    """The parents to read, by id; None for all of them."""
    stored_rows: Callable[[], pl.DataFrame] = pl.DataFrame
    """Reads the live rows of the table in the stage."""

    @property
    def source(self) -> Source:
        """Where the API has the table."""
        return source_of(self.table)

    def store(self, rows: pl.DataFrame, rejected: pl.DataFrame, present_keys: pl.DataFrame) -> None:
        """Redact frames and add them to the batch; `present_keys` are those of other records in the account."""
        if self.redactor:
            rows, rejected, present_keys = self.redactor.redact(rows, rejected, present_keys)
        self.batch.add(rows, rejected, present_keys)

    def store_unreadable_answer(self, slice_: Slice, error: UnreadableError) -> None:
        """Store what is kept of an answer that could not be read, for quarantine."""
        rows = self.table.schema_of_frames().to_frame()
        self.store(rows, quarantine_answer(self.table, slice_, error), rows.select(self.table.KEY))
