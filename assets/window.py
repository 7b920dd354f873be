"""The window of days that a run reads."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from resources.utc import utc_today

RESUMABLE_FOR = timedelta(hours=24)
"""How long after it was begun a batch may be resumed, if its days are over."""


@dataclass(frozen=True)
class Window:
    """A range of days, UTC, first and last inclusive; without days it is everything in the account."""

    start: date | None = None
    end: date | None = None
    ignores_earlier_batches: bool = field(default=False, kw_only=True)
    """Whether it is read for something that has just happened, so that no earlier batch may be resumed."""

    @property
    def resumable_for(self) -> timedelta:
        """How long after a crash the next run may continue what the dead one has read.

        What was read of days that are over stays true that long, as does most of what was read without days. What was
        read of a day that is not over does not.
        """
        is_not_over = self.end is not None and self.end >= utc_today()
        return timedelta(0) if is_not_over or self.ignores_earlier_batches else RESUMABLE_FOR

    @property
    def is_everything(self) -> bool:
        """Whether it has no days."""
        return self.start is None

    def __str__(self) -> str:
        """Return the days, for messages."""
        return f"{self.start} to {self.end}" if self.start else "all days"


def list_days(first: date, last: date) -> list[date]:
    """List the days of a range, first and last inclusive."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
