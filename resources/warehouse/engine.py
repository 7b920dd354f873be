"""The protocol of an engine, which holds the stage and the published state, and runs the SQL of this package."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import duckdb

from resources.warehouse.origin import Origin
from resources.warehouse.place import Place
from resources.warehouse.publication import Publication
from resources.warehouse.schema import TableSchema
from resources.warehouse.suppression import SuppressionList


class Engine(Protocol):
    """DuckDB with a stage in it, which one process at a time writes, and a published state that anybody reads.

    All methods raise WarehouseError for what goes wrong with the storage.
    """

    @property
    def place(self) -> Place:
        """Where it is, for error messages."""
        ...

    @property
    def published_places(self) -> Mapping[str, str]:
        """Where the published data is, by kind: paths or addresses, without secrets."""
        ...

    def prove(self) -> Iterator[str]:
        """Prove that everything it needs is usable; yields a line for each part, raises for the first that is not."""
        ...

    def has_rows(self) -> bool:
        """Whether anything was ever merged or published."""
        ...

    def has_stage(self) -> bool:
        """Whether there is a stage; `hold_writer_lock` makes one: in a folder of what is published, in a lake empty."""
        ...

    def hold_writer_lock(self) -> AbstractContextManager[None]:
        """Hold the lock under which one process at a time works on the stage; waits in the order of arrival."""
        ...

    def open_stage(self, incoming: Sequence[str] = ()) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Connect to the stage, in one transaction; only under the writer lock.

        `incoming` are the files of the batch to be merged, for which the engine may need more memory. The transaction
        is committed when the block is left, and rolled back by an error. Raises RefusedError if the stage is damaged or
        too new.
        """
        ...

    def list_published_files(self, table: str) -> list[str]:
        """List where the published Parquet files of a table are, as DuckDB reads them."""
        ...

    def open_publication(
        self, tables: Sequence[TableSchema], marts: Sequence[str] = ()
    ) -> AbstractContextManager[Publication]:
        """Prepare a copy of the stage for analysts, which becomes visible when the block is left.

        `marts` are scripts in SQL that make the views of the schema `marts`. An error leaves the published state as it
        was.
        """
        ...

    def open_published(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Connect to the published database read-only. Raises InUseError while somebody has it open for writing."""
        ...

    def erase_history(self, tables: Sequence[TableSchema], suppressed: SuppressionList) -> Mapping[str, int]:
        """Erase people from what is published and from all former states; returns the rows by table.

        Only under the writer lock, and after they were erased from the rows of the stage.
        """
        ...

    def read_origin(self) -> Origin | None:
        """Read whose rows were published; None where nothing says so. Raises RefusedError if it is unreadable."""
        ...

    def write_origin(self, origin: Origin | None) -> None:
        """Store whose rows were published; None deletes the note of it."""
        ...

    def read_suppression(self, secret: bytes | None, *, keep_salt: bool = False) -> SuppressionList:
        """Read who is suppressed; without a list a new one is made, whose salt is stored if `keep_salt` is set.

        `secret` is that of the environment. Raises RefusedError if the list was made with another one.
        """
        ...

    def write_suppression(self, suppressed: SuppressionList) -> None:
        """Store who is suppressed."""
        ...

    @property
    def run_id(self) -> str:
        """The id of the run that uses this engine, until it is closed."""
        ...

    def register_run(self) -> None:
        """Let other processes know that this run lives, until it is closed or dies."""
        ...

    def list_runs(self) -> Mapping[str, bool]:
        """List the runs that were registered and not closed, and whether each of them lives."""
        ...

    def remove_run(self, run_id: str) -> None:
        """Remove a dead run from those that are listed."""
        ...

    def close(self) -> None:
        """End the run, and free what this process holds."""
        ...
