"""Batches in folders of this machine, of which each belongs to the process that holds the lock in it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from errno import EIO

import polars as pl

from resources.file_lock import FileLock
from resources.files import PRIVATE, PRIVATE_FILE, remove_tree, sync, write_atomically
from resources.warehouse.batch_file import write_batch_file
from resources.warehouse.local.folder import Folder, name_folder_in_errors

OWNER = "owner.lock"


class FolderStore:
    """The batches below `.state/batches`; implements `Store`."""

    def __init__(self, folder: Folder) -> None:
        """Keep the data folder; nothing is read or written yet."""
        self._folder = folder
        self._owned: dict[str, FileLock] = {}

    @contextmanager
    def connect(self) -> Iterator[None]:
        """Create the folders that are not there; see `Store`."""
        self._folder.make()
        with name_folder_in_errors(self._folder):
            yield

    def lock(self) -> AbstractContextManager[None]:
        """Hold the lock of all batches; see `Store`."""
        return self._folder.lock("batches")

    def list_batches(self) -> list[str]:
        """List the names of the batches' folders; see `Store`."""
        return sorted(path.name for path in self._folder.batches.iterdir() if path.is_dir())

    def create(self, batch: str) -> None:
        """Create the folder of a batch, and the lock in it; see `Store`."""
        (self._folder.batches / batch).mkdir(mode=PRIVATE)
        self.take(batch)

    def take(self, batch: str) -> bool:
        """Lock a batch's folder, without waiting; see `Store`."""
        lock = FileLock(self._folder.batches / batch / OWNER)
        if not lock.try_now():
            return False
        self._owned[batch] = lock
        return True

    def release(self, batch: str) -> None:
        """Release the lock of a batch; see `Store`."""
        if batch in self._owned:
            self._owned.pop(batch).release()

    def delete(self, batch: str) -> None:
        """Delete the notes of a batch, the manifest first, then the rest, and release its lock; see `Store`."""
        for note in reversed(self.list_files(batch, ".json")):
            with suppress(FileNotFoundError):
                self.delete_file(batch, note)
        remove_tree(self._folder.batches / batch)
        self.release(batch)

    def list_files(self, batch: str, ending: str = "") -> list[str]:
        """List what is in a batch's folder, but for the lock; see `Store`."""
        names = (path.name for path in (self._folder.batches / batch).glob(f"*{ending}"))
        return sorted(name for name in names if name != OWNER)

    def locate(self, batch: str, name: str) -> str:
        """Return the path of a file; see `Store`."""
        return str(self._folder.batches / batch / name)

    def read_note(self, batch: str, name: str) -> bytes:
        """Read a note; see `Store`."""
        return (self._folder.batches / batch / name).read_bytes()

    def read_frame(self, batch: str, name: str) -> pl.DataFrame:
        """Read a Parquet file; see `Store`."""
        return pl.read_parquet(self.locate(batch, name), glob=False, hive_partitioning=False)

    def is_intact(self, batch: str, name: str) -> bool:
        """Read the file; see `Store`."""
        try:
            self.read_frame(batch, name)
        except pl.exceptions.ComputeError:
            return False
        return True

    def write_note(self, batch: str, name: str, content: bytes) -> None:
        """Write a note, and sync the folder, so that the files before it are on disk too; see `Store`."""
        write_atomically(self._folder.batches / batch / name, content)

    def write_frame(self, batch: str, name: str, frame: pl.DataFrame) -> None:
        """Write a frame, synced and renamed; see `Store`."""
        path = self._folder.batches / batch / name
        unfinished = path.with_name(f"{name}.tmp")
        try:
            write_batch_file(unfinished, frame)
        except pl.exceptions.ComputeError as error:  # what polars raises if the disk fails
            raise OSError(EIO, str(error).rpartition("IO error: ")[2]) from error
        unfinished.chmod(PRIVATE_FILE)
        sync(unfinished)
        unfinished.replace(path)

    def delete_file(self, batch: str, name: str) -> None:
        """Delete a file; see `Store`."""
        (self._folder.batches / batch / name).unlink()

    def close(self) -> None:
        """Release the locks of all batches; see `Store`."""
        for batch in list(self._owned):
            self.release(batch)
