"""The time now, in UTC: as a naive moment, which is what columns and comparisons with them have, and as a day."""

from datetime import UTC, date, datetime


def utc_now() -> datetime:
    """Return the moment, naive."""
    return datetime.now(UTC).replace(tzinfo=None)


def utc_today() -> date:
    """Return the day."""
    return datetime.now(UTC).date()
