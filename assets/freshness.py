"""How old a table may become before Dagster and dbt say so."""

from datetime import timedelta

WARN_AFTER, FAIL_AFTER = timedelta(hours=25), timedelta(hours=49)
"""How long after its last read a table gets a warning, and then fails: one day missed is a warning, two a failure."""
