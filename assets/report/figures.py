"""Queries the numbers of an account and draws them, for the report and for Dagster's page of the published database.

How a plot looks is in `assets/plots.py`.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import duckdb

from assets.plots import bars, by_day, punch_card

STEPS = ("created", "opened", "played", "claimed", "validated", "voided")
DAYS = timedelta(days=365)
MONTHS = 12
BUCKETS = {"1 min": 60, "10 min": 600, "1 h": 3_600, "6 h": 21_600, "1 day": 86_400, "1 week": 604_800}
"""The upper limit of each bar but the last, in seconds from creation to validation."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def figures(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Draw the plots of the current database of a connection: SVG by name, without those that would show nothing."""
    return dict(_of_sessions(connection)) | dict(_of_registrations(connection))


def _of_sessions(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    totals = connection.execute(
        f"SELECT {', '.join(f'sum({step})' for step in STEPS)} FROM marts.campaign_funnel"
    ).fetchone()
    if not totals or not totals[0]:
        return
    yield "funnel", bars(dict(zip(STEPS, map(float, totals), strict=True)))
    if days := _days(connection):
        yield "sessions by day", by_day(days)
    if times := _times(connection):
        yield "time to validate", bars(times)
    yield "hours of the week", punch_card(_hours(connection), WEEKDAYS)


def _days(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Mapping[date, int]]:
    """Query sessions by the day of creation, and validations by their own day, of the last year with sessions."""
    found: dict[str, dict[date, int]] = {
        step: dict(
            connection.execute(
                f"SELECT {step}_at::DATE AS day, count(*) FROM main.coupon_sessions "
                f"WHERE _deleted_at IS NULL AND {step}_at < today() + 2 GROUP BY ALL"
            ).fetchall()
        )
        for step in ("created", "validated")
    }
    if not found["created"]:  # no session has a plausible day
        return {}
    last = max(found["created"])
    first = max(min(found["created"]), last - DAYS)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return {step: {day: numbers.get(day, 0) for day in days} for step, numbers in found.items()}


def _times(connection: duckdb.DuckDBPyConnection) -> Mapping[str, int]:
    names = [*(f"≤ {name}" for name in BUCKETS), "later"]
    longest = ", ".join(map(str, BUCKETS.values()))
    counted = dict(
        connection.execute(
            f"SELECT len(list_filter([{longest}], lambda longest: longest < seconds)) AS bucket, count(*) "
            "FROM (SELECT epoch(validated_at - created_at) AS seconds FROM main.coupon_sessions "
            "WHERE _deleted_at IS NULL AND validated_at >= created_at) GROUP BY ALL"
        ).fetchall()
    )
    return {name: counted.get(number, 0) for number, name in enumerate(names)} if counted else {}


def _hours(connection: duckdb.DuckDBPyConnection) -> list[list[int]]:
    rows = connection.execute("SELECT weekday, hour, created FROM marts.sessions_by_hour").fetchall()
    counted = {(weekday, hour): created for weekday, hour, created in rows}
    return [[counted.get((weekday, hour), 0) for hour in range(24)] for weekday in range(1, len(WEEKDAYS) + 1)]


def _of_registrations(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    months = connection.execute(
        "SELECT strftime(month, '%Y-%m'), sum(registrations)::DOUBLE FROM marts.registrations_by_month "
        f"WHERE month IS NOT NULL GROUP BY ALL ORDER BY 1 DESC LIMIT {MONTHS}"
    ).fetchall()
    if months:
        yield "registrations by month", bars(dict(reversed(months)))
