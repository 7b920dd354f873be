"""The time now, in UTC: as a naive moment, which is what columns and comparisons with them have, and as a day."""

from datetime import UTC, date, datetime, timedelta

MAX_CLOCK_DIFFERENCE = timedelta(minutes=10)
"""The largest difference between two clocks that is taken for none; the daily export begins 15 minutes after a day."""


def utc_now() -> datetime:
    """Return the moment, naive."""
    return datetime.now(UTC).replace(tzinfo=None)


def utc_today() -> date:
    """Return the day."""
    return datetime.now(UTC).date()
