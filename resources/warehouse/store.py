"""The protocol of a store, which holds the files of batches and knows who owns each batch."""

from contextlib import AbstractContextManager
from typing import Protocol

import polars as pl


class Store(Protocol):
    """Batches by name, each with files that are there completely or not at all.

    A batch has one owner, the process that created it or took it, until it is released or its owner dies.
    """

    def connect(self) -> AbstractContextManager[None]:
        """Make the storage ready for use; raises WarehouseError for what goes wrong with it inside the context."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Hold the lock under which batches are created, taken and deleted."""
        ...

    def list_batches(self) -> list[str]:
        """List the names of all batches, in order."""
        ...

    def create(self, batch: str) -> None:
        """Create an empty batch that this process owns."""
        ...

    def take(self, batch: str) -> bool:
        """Become the owner of a batch; returns False if a process that lives owns it."""
        ...

    def release(self, batch: str) -> None:
        """Leave a batch, which may be deleted by now, to whoever takes it next."""
        ...

    def delete(self, batch: str) -> None:
        """Delete a batch that this process owns; from the first step on nobody can resume it."""
        ...

    def list_files(self, batch: str, ending: str = "") -> list[str]:
        """List the names of the files and notes of a batch that have this ending, in order."""
        ...

    def locate(self, batch: str, name: str) -> str:
        """Return where a file is, a path or an address, as DuckDB reads it."""
        ...

    def read_note(self, batch: str, name: str) -> bytes:
        """Read a note of a batch. Raises OSError."""
        ...

    def read_frame(self, batch: str, name: str) -> pl.DataFrame:
        """Read a Parquet file of a batch."""
        ...

    def is_intact(self, batch: str, name: str) -> bool:
        """Whether a Parquet file of a batch holds what was written."""
        ...

    def write_note(self, batch: str, name: str, content: bytes) -> None:
        """Write a note; once it is there, so are all files that were written before."""
        ...

    def write_frame(self, batch: str, name: str, frame: pl.DataFrame) -> None:
        """Write a frame as a Parquet file."""
        ...

    def delete_file(self, batch: str, name: str) -> None:
        """Delete a file of a batch."""
        ...

    def close(self) -> None:
        """Leave all batches, and free what this process holds."""
        ...
