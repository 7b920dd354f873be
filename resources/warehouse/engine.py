"""What holds the stage and the published state: what each kind of engine must do for the statements of this package."""

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
        """Where it is, in the words of errors."""
        ...

    @property
    def published_at(self) -> Mapping[str, str]:
        """Where what is published lies, by what it is: paths or addresses, without secrets."""
        ...

    def prove(self) -> Iterator[str]:
        """Prove that all that it needs can be used; yields a line for each part, raises for the first that cannot."""
        ...

    def has_rows(self) -> bool:
        """Whether anything was ever merged or published."""
        ...

    def has_stage(self) -> bool:
        """Whether there is a stage; if not, `hold_writer_lock` makes it from what is published."""
        ...

    def hold_writer_lock(self) -> AbstractContextManager[None]:
        """Be the only process that works on the stage; waits in the order of arrival."""
        ...

    def open_stage(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Connect to the stage, in one transaction; only under the writer lock.

        It is committed when the block is left, and rolled back by an error. Raises RefusedError if the stage is damaged
        or too new.
        """
        ...

    def list_published_files(self, table: str) -> list[str]:
        """List where the published Parquet files of a table are, as DuckDB reads them."""
        ...

    def open_publication(
        self, tables: Sequence[TableSchema], marts: Sequence[str] = ()
    ) -> AbstractContextManager[Publication]:
        """Prepare a copy of the stage for analysts, which becomes visible when the block is left.

        `marts` are scripts in SQL that make the views of the schema `marts`. An error leaves the last state as it is.
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
        """Keep whose rows were published, or delete what says so."""
        ...

    def read_suppression(self, secret: bytes | None, *, keep_salt: bool = False) -> SuppressionList:
        """Read who is suppressed; without such a list a new salt is made, and kept for the next time on demand.

        `secret` is that of the environment. Raises RefusedError if the list was made with another one.
        """
        ...

    def write_suppression(self, suppressed: SuppressionList) -> None:
        """Keep who is suppressed."""
        ...

    @property
    def run_id(self) -> str:
        """Names this use of the engine, until it is closed."""
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
