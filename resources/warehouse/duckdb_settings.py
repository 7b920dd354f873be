"""How every DuckDB of a run is set up, whatever holds its tables."""

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "384MB",
    "preserve_insertion_order": "false",
}

STORAGE_VERSION = "v1.5.0"
"""The oldest DuckDB that can read the files that are published; that of one machine is a copy of its stage."""
