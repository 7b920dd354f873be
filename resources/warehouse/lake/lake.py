"""A lake and its stage, a schema of its own, for the process that holds the writer lock."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from resources.warehouse.errors import RefusedError
from resources.warehouse.lake.address import CATALOGUE, ROWS, LakeAddress
from resources.warehouse.lake.errors import name_lake_in_errors
from resources.warehouse.lake.lake_duckdb import LakeDuckDB
from resources.warehouse.lake.objects import Objects
from resources.warehouse.lake.private_tables import has_table, make_private_tables
from resources.warehouse.lake.session import Session
from resources.warehouse.lake.writer import Writer
from resources.warehouse.stage_format import FORMAT, create_state_tables, migrate_stage, read_format

STAGE, PUBLISHED = "stage", "main"
"""Schemas of the lake: into which batches are merged, and what readers see."""


class Lake:
    """The catalogue and the objects of an address, and the DuckDB of this process that works on them."""

    def __init__(self, address: LakeAddress, spill: Path) -> None:
        """Keep the address, and the local folder for what does not fit the memory; nothing is connected yet."""
        self.address = address
        self.objects = Objects(address)
        self.duckdb = LakeDuckDB(address, spill)
        self._writer: Writer | None = None

    @property
    def writer(self) -> Writer:
        """The lock that this process holds."""
        if self._writer is None:
            raise RuntimeError("the writer lock is not held")
        return self._writer

    @contextmanager
    def hold_writer_lock(self) -> Iterator[None]:
        """Hold the lock under which one process of all hosts writes, and create a missing stage; see `Engine`."""
        with name_lake_in_errors(self.address), closing(Session(self.address)) as session:
            writer = Writer(session, self.duckdb)
            writer.wait()
            self._writer = writer
            try:
                if not has_stage(session):
                    self._make_stage(session)
                yield
            finally:
                self._writer = None

    def _make_stage(self, session: Session) -> None:
        self.refuse_rows_of_others(session)
        make_private_tables(session)
        with self.duckdb.open(PUBLISHED) as connection, self.writer.transaction(connection):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {STAGE}")
            connection.execute(f"USE {STAGE}")
            create_state_tables(connection)

    def refuse_rows_of_others(self, session: Session) -> None:
        """Raise RefusedError if there are rows without a stage: to this catalogue they would count as left over."""
        if self.objects.list_below(f"{ROWS}/{STAGE}") and not has_stage(session):
            raise RefusedError(
                f"The storage {self.address.url(ROWS)} has rows that the database {self.address.database} does not "
                "know, of another database or of one that was lost: set COUPONTOOLS_STORAGE to another prefix, or "
                "COUPONTOOLS_WAREHOUSE to their database. If nobody needs them, delete these objects."
            )

    @contextmanager
    def open_stage(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the stage in a transaction that is committed only while the lock is held; see `Engine`."""
        with self.duckdb.open(STAGE) as connection:
            version = read_format(connection, self.address.place)
            if version is None:
                raise RefusedError(
                    f"{self.address.place.name} has a catalogue without the export's private tables: restore it and "
                    "its objects from backups of one moment, or set COUPONTOOLS_WAREHOUSE to another database."
                )
            if version < FORMAT:
                with self.writer.transaction(connection):
                    migrate_stage(connection, version)
            with self.writer.transaction(connection):
                yield connection

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Connect to the stage for statements that commit by themselves; only under the writer lock."""
        with self.duckdb.open(STAGE) as connection:
            yield connection


def has_stage(session: Session) -> bool:
    """Whether the catalogue has the private schema of a stage."""
    if not has_table(session, CATALOGUE, "ducklake_schema"):
        return False
    query = f"SELECT 1 FROM {CATALOGUE}.ducklake_schema WHERE schema_name = '_state' AND end_snapshot IS NULL"
    return bool(session.query(query))
