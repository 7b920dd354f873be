"""How every DuckDB of a run is set up, whatever holds its tables."""

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "384MB",
    "preserve_insertion_order": "false",
}
