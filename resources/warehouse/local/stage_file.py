"""The file of the stage: the private DuckDB database that batches are merged into, by one process at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from resources.files import PRIVATE_FILE, move_into_place, remove_tree
from resources.warehouse.local.checkpoint import log_of, undo_unfinished_checkpoint, write_checkpoint
from resources.warehouse.local.damage import is_cut_off, is_damaged, make_damaged_stage_error
from resources.warehouse.local.database_file import LocalDuckDB, write_compact
from resources.warehouse.local.folder import Folder, name_folder_in_errors
from resources.warehouse.local.restage import make_stage, unfinished_stage
from resources.warehouse.stage_format import FORMAT, migrate_stage, read_format

MIN_FREE_BLOCKS = 200
"""Minimum free blocks of 256 kB to compact a stage; copying it with fewer is faster than that. A first load of 300,000
sessions leaves 70 free and 120 used."""


@dataclass(frozen=True)
class StageFile:
    """The stage of a folder, and the DuckDB of this process that works on it."""

    folder: Folder
    local_duckdb: LocalDuckDB

    @contextmanager
    def hold_writer_lock(self) -> Iterator[None]:
        """Hold the lock under which one process works on the stage, in the order of arrival. Raises WarehouseError.

        A missing stage is rebuilt from what is published, so that losing the private files loses no published row.
        """
        folder = self.folder
        folder.make()
        with name_folder_in_errors(folder), folder.lock("writer"):
            remove_tree(folder.spill)
            if not folder.stage.exists():
                make_stage(folder, self.local_duckdb)
            yield

    @contextmanager
    def open(self, incoming: Sequence[str] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
        """Connect to the stage; only under the writer lock. `incoming` are the files of the batch to be merged.

        Raises RefusedError if it is damaged, or if a newer version has written it.
        """
        folder = self.folder
        undo_unfinished_checkpoint(folder.stage)
        size = None if log_of(folder.stage).exists() else folder.stage.stat().st_size
        try:
            with folder.stage.open("rb") as file, self.local_duckdb.open(folder.stage, incoming) as connection:
                if size is not None and is_cut_off(connection, size):
                    raise make_damaged_stage_error(folder)
                version = read_format(connection, folder.place)
                if version is None:
                    raise make_damaged_stage_error(folder)
                if version < FORMAT:
                    connection.begin()
                    migrate_stage(connection, version)
                    connection.commit()
                yield connection
                write_checkpoint(connection, folder.stage, file)
        except duckdb.Error as error:
            if is_damaged(error) and ".parquet" not in str(error):
                raise make_damaged_stage_error(folder) from error
            raise

    def compact(self, *, force: bool = False) -> None:
        """Compact the stage if much of it is unused space, or in any case with `force`; only under the writer lock.

        DuckDB needs space for both the old and the new rows of a change, and keeps it for later changes.
        """
        unfinished = unfinished_stage(self.folder)
        with self.open() as connection:
            size = "SELECT used_blocks, free_blocks FROM pragma_database_size() WHERE database_name = 'opened'"
            used, free = connection.execute(size).fetchall()[0]
            if not force and (free < MIN_FREE_BLOCKS or free < used / 2):
                return
            write_compact(connection, unfinished)
        unfinished.chmod(PRIVATE_FILE)
        move_into_place(unfinished, self.folder.stage)
