"""Reading and checking request parameters; what is wrong with one becomes the documented error code (3.3)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from resources.sandbox.assumptions import Assumptions, DateFormat
from resources.sandbox.calls import Call
from resources.sandbox.replies import ApiError

MISSING, MALFORMED, NOT_LISTED, BAD_DATE = 200, 301, 302, 303

DATE_PATTERNS: dict[DateFormat, re.Pattern[str]] = {
    "%Y-%m-%d": re.compile(r"\d{4}-\d\d-\d\d"),
    "%Y-%m-%d %H:%M": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"),
    "%Y-%m-%d %H-%M": re.compile(r"\d{4}-\d\d-\d\d \d\d-\d\d"),
}


def required(call: Call, name: str) -> str:
    """Return a parameter's text; error 200 if it was not sent."""
    value = call.text(name)
    if value is None:
        raise ApiError(MISSING, f"Missing parameter: {name}")
    return value


def identifier(value: str, name: str, pattern: str) -> str:
    """Return an id of the right form; error 301 if it has another (it need not exist)."""
    if re.fullmatch(pattern, value, re.ASCII) is None:
        raise ApiError(MALFORMED, f"Invalid character in parameter: {name}")
    return value


def page_number(call: Call) -> int:
    """Return `page`, 1 if it was not sent; error 301 if it is no positive number."""
    return int(identifier(call.text("page") or "1", "page", r"0*[1-9]\d{0,8}"))


def switch(call: Call, name: str) -> bool:
    """Return a true/false parameter, false if it was not sent; error 302 if it is neither."""
    value = (call.text(name) or "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise ApiError(NOT_LISTED, f"Invalid value in parameter: {name}")
    return value in ("true", "1")


def start_date(call: Call, assumptions: Assumptions) -> datetime | None:
    """Return the first moment of the window, naive UTC; error 303 if it is no date."""
    found = _date(call, "start_date", assumptions.date_formats)
    return found and found[0]


def end_date(call: Call, assumptions: Assumptions) -> datetime | None:
    """Return the last second of the window, naive UTC, as the assumptions understand it; error 303."""
    found = _date(call, "end_date", assumptions.date_formats)
    if found is None:
        return None
    moment, date_format = found
    if date_format == "%Y-%m-%d":
        whole = timedelta(days=1) if assumptions.end_date_means == "whole_day" else None
    else:
        whole = timedelta(minutes=1) if assumptions.end_minute_means == "whole_minute" else None
    return moment if whole is None else moment + whole - timedelta(seconds=1)


def _date(call: Call, name: str, formats: Sequence[DateFormat]) -> tuple[datetime, DateFormat] | None:
    text = call.text(name)
    if text is None:
        return None
    for date_format in formats:
        if DATE_PATTERNS[date_format].fullmatch(text):
            try:
                return datetime.strptime(text, date_format), date_format  # noqa: DTZ007 - the API's dates are UTC
            except ValueError:
                break
    raise ApiError(BAD_DATE, f"{name} must be yyyy-MM-dd hh-mm")
