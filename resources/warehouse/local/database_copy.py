"""Copies an opened database while it is read for something else, as copying takes little but time."""

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import duckdb

from resources.warehouse.local.checkpoint import write_checkpoint

BYTES_AT_ONCE = 1 << 23


def open_file_of(connection: duckdb.DuckDBPyConnection) -> BinaryIO:
    """Open the file of the opened database.

    Close it after DuckDB has detached the database: closing a file gives up the process's locks on it, those of DuckDB
    too.
    """
    path = "SELECT path FROM duckdb_databases() WHERE database_name = 'opened'"
    return Path(connection.execute(path).fetchall()[0][0]).open("rb", buffering=0)


@contextmanager
def copy_meanwhile(connection: duckdb.DuckDBPyConnection, file: BinaryIO, target: Path) -> Iterator[None]:
    """Copy the opened database, as it is now, while the block runs. Raises OSError when the block is left.

    What the block writes is only in the log of the database, until the next checkpoint.
    """
    write_checkpoint(connection, Path(file.name), file)
    with ThreadPoolExecutor(1) as thread:
        copying = thread.submit(_copy, file, target)
        yield
        copying.result()


def _copy(file: BinaryIO, target: Path) -> None:
    with target.open("wb", buffering=0) as copy:
        if sys.platform == "linux":
            with suppress(OSError):  # of a file system that cannot, or of one that says so again below
                while os.copy_file_range(file.fileno(), copy.fileno(), BYTES_AT_ONCE):
                    pass
        shutil.copyfileobj(file, copy, BYTES_AT_ONCE)  # what is left
