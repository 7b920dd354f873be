"""Queries the figures at the head of the report: the last 30 days against the 30 before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import duckdb

from assets.report.figures import is_not_in_future

DAYS_COMPARED = 30
DATED_STEPS = ("created", "opened", "claimed", "validated", "voided")
"""Each counts on its own day; they are shown even if nothing happened in both periods."""


@dataclass(frozen=True)
class Compared:
    """A figure of the newer period, `now`, and of the one before."""

    name: str
    now: int | Decimal
    before: int | Decimal

    @property
    def change(self) -> str:
        """The difference as a share of the figure before."""
        if not self.before:
            return "none before" if self.now else "as before"
        if self.now == self.before:
            return "as before"
        share = abs(float(self.now - self.before) / float(self.before))
        return f"{'▲' if self.now > self.before else '▼'} {share:,.1%}"


@dataclass(frozen=True)
class Headline:
    """Two periods of DAYS_COMPARED days, the newer one up to the day `last`, and the figures of both."""

    last: date
    figures: Sequence[Compared]

    @property
    def days(self) -> tuple[date, date]:
        """First and last day of the newer period."""
        return self.last - timedelta(days=DAYS_COMPARED - 1), self.last

    @property
    def days_before(self) -> tuple[date, date]:
        """First and last day of the period before."""
        first, last = (day - timedelta(days=DAYS_COMPARED) for day in self.days)
        return first, last


def compare_days(connection: duckdb.DuckDBPyConnection) -> Headline | None:
    """Compare the period up to the last day on which a session took a step; None without any such day.

    The day of the newest read was not over when it was read, so the day before is the last possible one. A step counts
    on its own day: a session that was created before the period may be validated in it.
    """
    newest = ", ".join(f"max({step}_at) FILTER ({is_not_in_future(f'{step}_at')})" for step in DATED_STEPS)
    row = connection.execute(
        f"SELECT least(greatest({newest})::DATE, max(_extracted_at)::DATE - 1) "
        "FROM main.coupon_sessions WHERE _deleted_at IS NULL"
    ).fetchone()
    if row is None or row[0] is None:
        return None
    last: date = row[0]
    counted = [(f"{step}_at", "count(*)", "coupon_sessions") for step in DATED_STEPS]
    counted += [
        ("validated_at", "sum(validation_value)", "coupon_sessions"),
        ("registered_at", "count(*)", "directory_registrations"),
    ]
    names = (*DATED_STEPS, "money spent", "registrations")
    figures = [Compared(name, *_over_days(connection, *what, last)) for name, what in zip(names, counted, strict=True)]
    return Headline(last, [figure for figure in figures if figure.now or figure.before or figure.name in DATED_STEPS])


def _over_days(
    connection: duckdb.DuckDBPyConnection, moment: str, aggregate: str, table: str, last: date
) -> tuple[int | Decimal, int | Decimal]:
    """Query an aggregate of the live rows whose moment is in the newer period, and of those in the one before."""
    end = last + timedelta(days=1)
    start, middle = (end - timedelta(days=DAYS_COMPARED * halves) for halves in (2, 1))
    rows = connection.execute(
        f"SELECT {moment} >= DATE '{middle}', {aggregate} FROM main.{table} "
        f"WHERE _deleted_at IS NULL AND {moment} >= DATE '{start}' AND {moment} < DATE '{end}' GROUP BY 1"
    ).fetchall()
    numbers = {is_now: round(number or 0, 2) for is_now, number in rows}
    return numbers.get(True, 0), numbers.get(False, 0)
