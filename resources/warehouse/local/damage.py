"""Distinguishes a database file that is cut off, or is not a database, from a disk or memory that fails."""

import os
from errno import errorcode

import duckdb

from resources.limits import limit_met
from resources.warehouse.errors import RefusedError
from resources.warehouse.local.checkpoint import HEADER
from resources.warehouse.local.folder import Folder

_SIGNS = (
    "not a valid DuckDB database",
    "Could not read enough bytes",
    "Corrupt",
    "cannot initialize database with storage version",
)

_REPLAYING = "replaying WAL"
"""What DuckDB says of any error that it meets in the log of a database that a killed process has left."""


def is_damaged(error: duckdb.Error) -> bool:
    """Whether an error says that a database can be read neither now nor later."""
    if _REPLAYING in str(error):
        return not _is_of_the_machine(error)
    return any(sign in str(error) for sign in _SIGNS)


def _is_of_the_machine(error: duckdb.Error) -> bool:
    """Whether the disk or the memory has failed, and not what was read."""
    first_line = str(error).splitlines()[0]
    return bool(limit_met(error)) or "offload" in first_line or first_line.endswith(tuple(map(os.strerror, errorcode)))


def is_cut_off(connection: duckdb.DuckDBPyConnection, size: int) -> bool:
    """Whether the opened database has more blocks in use than a file of this size holds."""
    blocks = "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = 'opened'"
    used: int = connection.execute(blocks).fetchall()[0][0]
    return size < HEADER + used


def make_damaged_stage_error(folder: Folder) -> RefusedError:
    """Make the error for a stage that cannot be read."""
    return RefusedError(
        f"The private database {folder.stage} is damaged: delete the folder {folder.state}, and the next run "
        "rebuilds it from what is published, which stays as it was. Then run coupontools export --full for what was "
        "not published yet."
    )
