"""The days that `coupontools export` reads, as its options name them."""

from datetime import date, timedelta

import click

from resources.settings import Storage
from resources.utc import utc_today


class Day(click.ParamType[date]):
    """An ISO date; the errors of click.DateTime show format codes such as %Y instead of an example."""

    name = "YYYY-MM-DD"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse the date. Raises click.BadParameter."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError as error:
            self.fail(f"{value!r} is not a date ({error}); write it as 2026-01-31.", param, ctx)


def choose_days(start: date | None, end: date | None) -> tuple[date, date]:
    """Return the days to read, from the options or their defaults. Raises click.UsageError and SettingsError."""
    first = start or Storage.read().start_date
    last = end or utc_today() - timedelta(days=1)
    if first > last:
        begins = f"{first}" if start else f"{first} (COUPONTOOLS_START_DATE)"
        ends = f"{last}" if end else f"{last} (yesterday)"
        advice = "swap --from and --to" if start and end else "choose other days by --from and --to"
        raise click.UsageError(f"The range starts on {begins}, after it ends on {ends}: {advice}.")
    if first > utc_today():
        raise click.UsageError(f"The range starts on {first}, which has not begun: choose days until today, UTC.")
    return first, last
