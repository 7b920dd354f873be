"""Reads start_date and end_date in the formats that the assumptions accept (API.md, section 5.3)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from resources.sandbox.assumptions import Assumptions, DateFormat
from resources.sandbox.protocol.parameters import BAD_DATE, Parameter
from resources.sandbox.protocol.replies import ApiError
from resources.sandbox.protocol.request import ApiRequest

DATE_PATTERNS: dict[DateFormat, re.Pattern[str]] = {
    "%Y-%m-%d": re.compile(r"\d{4}-\d\d-\d\d", re.ASCII),
    "%Y-%m-%d %H:%M": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d", re.ASCII),
    "%Y-%m-%d %H-%M": re.compile(r"\d{4}-\d\d-\d\d \d\d-\d\d", re.ASCII),
}
WINDOW = tuple(
    Parameter(name, {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d( \d\d[-:]\d\d)?$"}, note="UTC, inclusive")
    for name in ("start_date", "end_date")
)


def read_start_date(request: ApiRequest, assumptions: Assumptions) -> datetime | None:
    """Return the first moment of the window, naive UTC; error 303 if it is not a date."""
    parsed = _read_date(request, "start_date", assumptions.date_formats)
    return parsed and parsed[0]


def read_end_date(request: ApiRequest, assumptions: Assumptions) -> datetime | None:
    """Return the last second of the window, naive UTC, as the assumptions understand it; error 303."""
    parsed = _read_date(request, "end_date", assumptions.date_formats)
    if parsed is None:
        return None
    moment, date_format = parsed
    if date_format == "%Y-%m-%d":
        unit = timedelta(days=1) if assumptions.end_date_means == "whole_day" else None
    else:
        unit = timedelta(minutes=1) if assumptions.end_minute_means == "whole_minute" else None
    return moment if unit is None else moment + (unit - timedelta(seconds=1))


def _read_date(request: ApiRequest, name: str, formats: Sequence[DateFormat]) -> tuple[datetime, DateFormat] | None:
    text = request.text(name)
    if text is None:
        return None
    for date_format in formats:
        if DATE_PATTERNS[date_format].fullmatch(text):
            try:
                return datetime.strptime(text, date_format), date_format  # noqa: DTZ007 - the API's dates are UTC
            except ValueError:
                break
    raise ApiError(BAD_DATE, f"{name} must be yyyy-MM-dd hh-mm")
