"""The engine of one machine: the stage and the published database are files in one folder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import duckdb

from resources.files import remove_tree
from resources.warehouse.local.database_file import LocalDuckDB, open_read_only
from resources.warehouse.local.folder import Folder, name_folder_in_errors
from resources.warehouse.local.origin_note import read_note, write_note
from resources.warehouse.local.publish import open_publication
from resources.warehouse.local.published_erasure import erase_published
from resources.warehouse.local.run_locks import RunLocks
from resources.warehouse.local.snapshots import sweep
from resources.warehouse.local.stage_file import StageFile
from resources.warehouse.local.suppression_file import read_suppression, write_suppression
from resources.warehouse.origin import Origin
from resources.warehouse.place import Place
from resources.warehouse.publication import Publication
from resources.warehouse.schema import TableSchema
from resources.warehouse.suppression import SuppressionList

AT_ONCE = -1.0
"""Seconds of grace for which every former snapshot is deleted, whatever its time says."""


class FileEngine:
    """Implements `Engine` with the files of a folder, on which one DuckDB of this process works."""

    def __init__(self, folder: Folder) -> None:
        """Keep the folder; nothing is read or written yet."""
        self._folder = folder
        self._duckdb = LocalDuckDB(folder.spill)
        self._stage = StageFile(folder, self._duckdb)
        self._runs = RunLocks(folder)

    @property
    def place(self) -> Place:
        """The folder, with its path; see `Engine`."""
        return self._folder.place

    @property
    def published_places(self) -> Mapping[str, str]:
        """The paths of the database and the files; see `Engine`."""
        return {"database": str(self._folder.database), "parquet": str(self._folder.parquet)}

    def prove(self) -> Iterator[str]:
        """Create the folders that are not there; see `Engine`."""
        self._folder.make()
        yield f"{self._folder.root} can be written"

    def has_rows(self) -> bool:
        """Whether the folder has a stage or anything published; see `Engine`."""
        return self.has_stage() or self._folder.database.exists() or self._folder.parquet.exists()

    def has_stage(self) -> bool:
        """Whether the file is there; see `Engine`."""
        with name_folder_in_errors(self._folder):
            return self._folder.stage.exists()

    def hold_writer_lock(self) -> AbstractContextManager[None]:
        """Hold the lock `writer` of the folder; see `Engine`."""
        return self._stage.hold_writer_lock()

    @contextmanager
    def open_stage(self, incoming: Sequence[str] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the file of the stage; see `Engine`."""
        with self._stage.open(incoming) as connection:
            connection.begin()
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def list_published_files(self, table: str) -> list[str]:
        """List the paths of the Parquet files below the link `parquet`; see `Engine`."""
        return sorted(map(str, (self._folder.parquet / table).rglob("*.parquet")))

    def open_publication(
        self, tables: Sequence[TableSchema], marts: Sequence[str] = ()
    ) -> AbstractContextManager[Publication]:
        """Copy the stage and write the Parquet files that have changed; see `Engine`."""
        return open_publication(self, self._stage, tables, marts)

    @contextmanager
    def open_published(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the published file read-only; see `Engine`."""
        with name_folder_in_errors(self._folder), open_read_only(self._folder.database) as connection:
            yield connection

    def erase_history(self, tables: Sequence[TableSchema], suppressed: SuppressionList) -> Mapping[str, int]:
        """Rewrite stage, database and files, and delete former ones and unfinished files; see `Engine`."""
        self._stage.compact(force=True)
        erased = erase_published(self._stage, tables, suppressed)
        sweep(self._folder, AT_ONCE)
        remove_tree(self._folder.spill)
        for left_over in [*self._folder.root.glob("*.tmp"), *self._folder.state.glob("*.tmp")]:
            left_over.unlink()
        return erased

    def read_origin(self) -> Origin | None:
        """Read the note beside what is published; see `Engine`."""
        return read_note(self._folder)

    def write_origin(self, origin: Origin | None) -> None:
        """Write that note, or delete it; see `Engine`."""
        if origin:
            write_note(self._folder, origin)
        else:
            self._folder.origin.unlink()

    def read_suppression(self, secret: bytes | None, *, keep_salt: bool = False) -> SuppressionList:
        """Read the list beside what is published; see `Engine`."""
        return read_suppression(self._folder, secret, keep_salt=keep_salt)

    def write_suppression(self, suppressed: SuppressionList) -> None:
        """Write that list; see `Engine`."""
        write_suppression(self._folder, suppressed)

    @property
    def run_id(self) -> str:
        """The id of this run among those of all processes; see `Engine`."""
        return self._runs.run_id

    def register_run(self) -> None:
        """Hold the lock of this run; see `Engine`."""
        self._runs.register()

    def list_runs(self) -> Mapping[str, bool]:
        """List the runs that have a lock, and whether somebody holds it; see `Engine`."""
        return self._runs.list_runs()

    def remove_run(self, run_id: str) -> None:
        """Delete the lock of a dead run; see `Engine`."""
        self._runs.remove(run_id)

    def close(self) -> None:
        """End the run and stop DuckDB; see `Engine`."""
        self._runs.close()
        self._duckdb.close()
