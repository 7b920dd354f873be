"""Batches on object storage, of which each belongs to the process that holds its advisory lock, on whatever host."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import Lock

import polars as pl

from resources.warehouse.batch_file import write_batch_file
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.errors import name_lake_in_errors
from resources.warehouse.lake.objects import Objects
from resources.warehouse.lake.session import Session

BATCHES = "batches"
"""The folder of all batches, below the prefix of the lake."""

_LOCK = "batches"
"""The advisory lock of all batches; each batch has one of its own besides."""


class ObjectStore:
    """The batches below `batches/`; implements `Store`.

    Each file is one request, so that it is there completely or not at all. Before a write, PostgreSQL is asked whether
    the lock is still held: a process that has lost its connection may have lost its batch to another one.
    """

    def __init__(self, address: LakeAddress) -> None:
        """Keep the address; nothing is connected yet."""
        self._address = address
        self._objects = Objects(address)
        self._session = Session(address)
        self._threads = Lock()

    @contextmanager
    def connect(self) -> Iterator[None]:
        """Name the storage in errors; see `Store`."""
        with name_lake_in_errors(self._address):
            yield

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of all batches; see `Store`."""
        with self._threads, name_lake_in_errors(self._address):
            self._session.lock(_LOCK)
            try:
                yield
            finally:
                self._session.unlock(_LOCK)

    def list_batches(self) -> list[str]:
        """List the batches that have objects, as some stores keep empty folders; see `Store`."""
        return sorted({name.split("/")[1] for name in self._objects.list_below(BATCHES)})

    def create(self, batch: str) -> None:
        """Hold the lock of a batch that has no objects yet; see `Store`."""
        self.take(batch)

    def take(self, batch: str) -> bool:
        """Hold the lock of a batch, without waiting; see `Store`."""
        return self._session.try_lock(_lock_of(batch))

    def release(self, batch: str) -> None:
        """Release the lock of a batch; see `Store`."""
        self._session.unlock(_lock_of(batch))

    def delete(self, batch: str) -> None:
        """Delete the notes of a batch, the manifest first, then the rest, and release its lock; see `Store`.

        A batch whose lock was lost with the connection is left alone, as another process may own it.
        """
        if not self._session.holds(_lock_of(batch)):
            return
        notes = reversed(self.list_files(batch, ".json"))
        self._objects.delete(_name(batch, note) for note in notes)
        self._objects.delete(_name(batch, file) for file in self.list_files(batch))
        self.release(batch)

    def list_files(self, batch: str, ending: str = "") -> list[str]:
        """List the objects of a batch; see `Store`."""
        names = (name.rpartition("/")[2] for name in self._objects.list_below(f"{BATCHES}/{batch}"))
        return [name for name in names if name.endswith(ending)]

    def locate(self, batch: str, name: str) -> str:
        """Return the address of an object; see `Store`."""
        return self._address.url(_name(batch, name))

    def read_note(self, batch: str, name: str) -> bytes:
        """Read a note; see `Store`."""
        return self._objects.read(_name(batch, name))

    def read_frame(self, batch: str, name: str) -> pl.DataFrame:
        """Read a Parquet file; see `Store`."""
        return pl.read_parquet(self._objects.read(_name(batch, name)))

    def is_intact(self, batch: str, name: str) -> bool:  # noqa: ARG002  (the protocol's signature)
        """Trust the storage, which keeps objects from damage; see `Store`."""
        return True

    def write_note(self, batch: str, name: str, content: bytes) -> None:
        """Write a note; what was written before it is there already; see `Store`."""
        self._require(batch)
        self._objects.put(_name(batch, name), content)

    def write_frame(self, batch: str, name: str, frame: pl.DataFrame) -> None:
        """Write a frame in one request; see `Store`."""
        written = BytesIO()
        write_batch_file(written, frame)
        self._require(batch)
        self._objects.put(_name(batch, name), written.getvalue())

    def delete_file(self, batch: str, name: str) -> None:
        """Delete an object of a batch; see `Store`."""
        self._objects.delete([_name(batch, name)])

    def close(self) -> None:
        """Leave all batches, and disconnect; see `Store`."""
        self._session.close()

    def _require(self, batch: str) -> None:
        self._session.require(_lock_of(batch), "the batch that is being read")


def _name(batch: str, name: str) -> str:
    return f"{BATCHES}/{batch}/{name}"


def _lock_of(batch: str) -> str:
    return f"batch {batch}"
