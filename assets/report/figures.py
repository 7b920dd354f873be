"""Queries the figures of an account, for the report and for Dagster's page of the published database.

How a plot looks is in `assets/plots.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from assets.plots import Size, bars, by_day, punch_card
from assets.window import list_days
from resources.utc import utc_today

STEPS = {
    "created": "created",
    "opened": "opened",
    "played": "played",
    "claimed": "claimed",
    "validated": "validated",
    "voided": "void now",
}
"""Columns of the funnel, and their labels."""

DAYS = timedelta(days=365)
DAYS_OF_MEAN = 7
MONTHS = 12
BUCKETS = {"1 min": 60, "10 min": 600, "1 h": 3_600, "6 h": 21_600, "1 day": 86_400, "1 week": 604_800}
"""The upper limit of each bar but the last, in seconds from creation to validation."""

DAYS_LEFT = ("0-7", "8-30", "31-90", "later", "none")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Figure:
    """A plot and its numbers, as a table whose first column names each row."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    draw: Callable[[Size], str]
    """Draws the plot as SVG."""


def is_not_in_future(moment: str) -> str:
    """Write the condition, in SQL, that a moment is not after tomorrow, UTC: days after it are mistakes.

    DuckDB's own `today()` is the day in the time zone of the machine.
    """
    return f"{moment} < DATE '{utc_today() + timedelta(days=2)}'"


def query_figures(connection: duckdb.DuckDBPyConnection) -> dict[str, Figure]:
    """Query the plots of the current database of a connection, by name, without those that would show nothing."""
    return dict(_of_sessions(connection)) | dict(_of_registrations(connection))


def _of_sessions(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Figure]]:
    totals = connection.execute(
        f"SELECT {', '.join(f'sum({step})::BIGINT' for step in STEPS)} FROM marts.campaign_funnel"
    ).fetchone()
    if not totals or not totals[0]:
        return
    yield "funnel", _bars(("step", "sessions"), list(zip(STEPS.values(), totals, strict=True)))
    if days := _days(connection):
        yield "sessions by day", _lines(("day", "created", f"{DAYS_OF_MEAN}-day mean", "validated"), days)
    if times := _times(connection):
        yield "time to validate", _bars(("time", "validations"), times)
    yield "hours of the week", _punch_card(_hours(connection))
    if left := _expiry(connection):
        yield "expiry outlook", _bars(("days left", "open sessions", "of these, claimed"), left)


def _of_registrations(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Figure]]:
    months = connection.execute(
        f"""
        SELECT strftime(month, '%Y-%m'), sum(registrations)::BIGINT FROM marts.registrations_by_month
        WHERE {is_not_in_future("month")}
        GROUP BY ALL ORDER BY 1 DESC LIMIT {MONTHS}
        """
    ).fetchall()
    if months:
        yield "registrations by month", _bars(("month", "registrations"), months[::-1])


def _days(connection: duckdb.DuckDBPyConnection) -> Sequence[tuple[date, int, float | None, int]]:
    """Query the last year with sessions or validations: created on a day and in the mean of a week, and validated."""
    counted: dict[str, dict[date, int]] = {
        step: dict(
            connection.execute(
                f"""
                SELECT {step}_at::DATE AS day, count(*) FROM main.coupon_sessions
                WHERE _deleted_at IS NULL AND {is_not_in_future(f"{step}_at")}
                GROUP BY ALL
                """
            ).fetchall()
        )
        for step in ("created", "validated")
    }
    created, validated = counted["created"], counted["validated"]
    if not created:  # no session has a plausible day
        return []
    last = max([*created, *validated])
    first = max(min(created), last - DAYS)

    def mean(day: date) -> float | None:
        """Return the mean of the week that ends on the day; None where the first session is younger than a week."""
        week = list_days(day - timedelta(days=DAYS_OF_MEAN - 1), day)
        return sum(created.get(date_, 0) for date_ in week) / DAYS_OF_MEAN if week[0] >= min(created) else None

    return [(day, created.get(day, 0), mean(day), validated.get(day, 0)) for day in list_days(first, last)]


def _times(connection: duckdb.DuckDBPyConnection) -> Sequence[tuple[str, int]]:
    longest = ", ".join(map(str, BUCKETS.values()))
    counted = dict(
        connection.execute(
            f"""
            SELECT len(list_filter([{longest}], lambda longest: longest < seconds)) AS bucket, count(*)
            FROM (
                SELECT epoch(validated_at - created_at) AS seconds FROM main.coupon_sessions
                WHERE _deleted_at IS NULL AND validated_at >= created_at
            )
            GROUP BY ALL
            """
        ).fetchall()
    )
    names = [*(f"≤ {name}" for name in BUCKETS), "later"]
    return [(name, counted.get(number, 0)) for number, name in enumerate(names)] if counted else []


def _hours(connection: duckdb.DuckDBPyConnection) -> Sequence[Sequence[int]]:
    """Query the sessions created in each hour of the day, one row for each weekday."""
    rows = connection.execute("SELECT weekday, hour, created FROM marts.sessions_by_hour").fetchall()
    counted = {(weekday, hour): created for weekday, hour, created in rows}
    return [[counted.get((weekday, hour), 0) for hour in range(24)] for weekday in range(1, len(WEEKDAYS) + 1)]


def _expiry(connection: duckdb.DuckDBPyConnection) -> Sequence[tuple[str, int, int]]:
    counted = {
        days_left: numbers
        for days_left, *numbers in connection.execute(
            """
            SELECT days_left, sum(open_sessions)::BIGINT, sum(claimed)::BIGINT FROM marts.session_expiry
            GROUP BY ALL
            """
        ).fetchall()
    }
    return [(name, *counted.get(name, (0, 0))) for name in DAYS_LEFT] if counted else []


def _bars(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Figure:
    """Draw the first number of each row as a bar."""
    return Figure(columns, rows, lambda size: bars({name: number for name, number, *_ in rows}, size))


def _lines(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Figure:
    """Draw each column of numbers as a line over the days of the first column."""
    lines = {
        name: {row[0]: row[number] for row in rows if row[number] is not None}
        for number, name in enumerate(columns[1:], 1)
    }
    return Figure(columns, rows, lambda size: by_day(lines, size))


def _punch_card(numbers: Sequence[Sequence[int]]) -> Figure:
    """Draw a dot for each hour of each weekday; the hours are columns, and rows where there is no width for them."""
    hours = [f"{hour}" for hour in range(24)]
    by_hour = list(zip(*numbers, strict=True))

    def draw(size: Size) -> str:
        return (
            punch_card(by_hour, hours, WEEKDAYS, size) if size.is_narrow else punch_card(numbers, WEEKDAYS, hours, size)
        )

    return Figure(("hour", *WEEKDAYS), [(hour, *row) for hour, row in zip(hours, by_hour, strict=True)], draw)
