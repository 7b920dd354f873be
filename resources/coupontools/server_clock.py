"""The clock of the API: by how much the machine's own differs from it, as the `Date` of an answer says."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from resources.utc import MAX_CLOCK_DIFFERENCE, utc_now


def read_date(response: httpx.Response, header: str = "Date") -> datetime | None:
    """Read a header of an answer that is a date, naive UTC; None where it is none, or is not there."""
    try:
        date = parsedate_to_datetime(response.headers.get(header, ""))
        return date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date
    except (ValueError, TypeError, OverflowError):
        return None


def measure_lead(response: httpx.Response) -> timedelta | None:
    """Return by how much the machine's clock is ahead of the server's; None where the answer has no readable `Date`."""
    date = read_date(response)
    return utc_now() - date if date else None


def describe_lead(lead: timedelta) -> str | None:
    """Say that the machine's clock is wrong, and what to do; None if it is right, by and large."""
    if abs(lead) <= MAX_CLOCK_DIFFERENCE:
        return None
    ours = utc_now()
    return (
        f"The clock of this machine says {ours:%Y-%m-%d %H:%M} UTC, that of the API {ours - lead:%Y-%m-%d %H:%M}. Set "
        "it, and then run coupontools export --full: the export goes by this clock to know which days are over, which "
        "state of a row is the newest, and what was deleted."
    )
