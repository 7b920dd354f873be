"""Settings of the DuckDB that works on a stage, whatever the engine."""

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "384MB",
    "preserve_insertion_order": "false",
}

STORAGE_VERSION = "v1.5.0"
"""The oldest DuckDB that can read the published file; the stage has the same, as the file is a copy of it."""
