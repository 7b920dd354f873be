"""Settings of the DuckDB that works on a stage, whatever the engine."""

import polars as pl

from resources.settings import EngineMemory

MAX_THREADS = 4
"""Each thread holds a row group of what it reads and of what it writes, so that more of them need more memory."""

STORAGE_VERSION = "v1.5.0"
"""The oldest DuckDB that can read the published file; the stage has the same, as the file is a copy of it."""


def read_duckdb_settings(memory_mb: int) -> dict[str, str | bool | int | float | list[str]]:
    """Return the settings of DuckDB on this machine, with this memory unless a variable says otherwise.

    Raises SettingsError.
    """
    return {
        "memory_limit": read_memory_limit(memory_mb),
        "threads": min(MAX_THREADS, pl.thread_pool_size()),
        "preserve_insertion_order": "false",
    }


def read_memory_limit(memory_mb: int) -> str:
    """Return the memory that DuckDB may use, as its setting: this, or what the variable says. Raises SettingsError."""
    return f"{EngineMemory.read().duckdb_memory_mb or memory_mb}MB"
