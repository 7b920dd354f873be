"""Checkpoints the stage so that a process that is killed meanwhile damages nothing.

DuckDB overwrites blocks of metadata in place, and cannot open a database with one that is written in part. So they are
copied before the checkpoint, and put back if it was not completed. It was not if the header, which DuckDB writes last,
is still the copied one; the log then has what was committed since.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

import duckdb

from resources.files import write_atomically

HEADER = 3 * 4096
"""Bytes before the first block of a database."""

_HEADER_PART = "0"
"""Name of the header in the copy, whose parts are named by their positions in the database."""


def log_of(database: Path) -> Path:
    """Return the path of a database's log, where DuckDB keeps what was committed since the last checkpoint."""
    return database.with_suffix(".duckdb.wal")


def metadata_copy_of(database: Path) -> Path:
    """Return the path of the copy of a database's header and metadata."""
    return database.with_suffix(".duckdb.metadata")


def write_checkpoint(connection: duckdb.DuckDBPyConnection, database: Path, file: BinaryIO) -> None:
    """Write what the log of the opened database holds to the database.

    `file` is the database, opened before DuckDB has attached it and not closed before it is detached: closing a file
    gives up the process's locks on it, those of DuckDB too.
    """
    if not log_of(database).exists():
        return
    copy, content = metadata_copy_of(database), BytesIO()
    with ZipFile(content, "w") as parts:
        parts.writestr(_HEADER_PART, os.pread(file.fileno(), HEADER, 0))
        for position, size in _find_metadata(connection):
            parts.writestr(str(position), os.pread(file.fileno(), size, position))
    write_atomically(copy, content.getvalue())
    connection.execute("CHECKPOINT")
    copy.unlink()


def _find_metadata(connection: duckdb.DuckDBPyConnection) -> Sequence[tuple[int, int]]:
    """Find the position and size of each metadata block of the opened database."""
    size = "SELECT block_size FROM pragma_database_size() WHERE database_name = 'opened'"
    blocks = f"SELECT {HEADER} + block_id * block_size, block_size FROM pragma_metadata_info('opened'), ({size})"
    return connection.execute(blocks).fetchall()


def undo_unfinished_checkpoint(database: Path) -> None:
    """Put back the metadata of a database whose last checkpoint was not completed; only while nobody has it open."""
    copy = metadata_copy_of(database)
    if not copy.exists():
        return
    # a copy that the disk has lost is ignored: DuckDB says whether the database is whole
    with suppress(BadZipFile), ZipFile(copy) as parts, database.open("r+b") as file:
        if file.read(HEADER) == parts.read(_HEADER_PART):
            for part in parts.namelist():
                file.seek(int(part))
                file.write(parts.read(part))
            file.flush()
            os.fsync(file.fileno())
    copy.unlink()
