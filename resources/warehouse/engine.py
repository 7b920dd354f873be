"""The engine: the one DuckDB of this process, which works on the database files of the folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import duckdb

from resources.warehouse.files import Folder
from resources.warehouse.sql import quoted_text

STORAGE_VERSION = "v1.5.0"
"""The oldest DuckDB that can read the files; the published database is a copy of the stage."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "384MB",
    "preserve_insertion_order": "false",
}


@contextmanager
def opened(folder: Folder, database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Connect to a database file of the folder, in an engine that stays: to start one takes ten times as long."""
    engine = _engine(folder.spill)
    try:
        with engine.cursor() as connection:
            connection.execute(f"ATTACH {quoted_text(database)} AS opened (STORAGE_VERSION '{STORAGE_VERSION}')")
            connection.execute("USE opened")
            yield connection
            connection.execute("CHECKPOINT")  # else DETACH does it, and keeps to itself why it cannot
            connection.execute("USE memory")
            connection.execute("DETACH opened")
    except BaseException:  # an engine that has failed may be good for nothing more
        _stop(engine)
        raise
    if folder.spill.exists():  # the next writer clears it away, and this engine would miss it
        _stop(engine)


def _stop(engine: duckdb.DuckDBPyConnection) -> None:
    _engine.cache_clear()
    engine.close()


@lru_cache(1)
def _engine(spill: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={**_SETTINGS, "temp_directory": str(spill)})
