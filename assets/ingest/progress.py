"""How far a long read has come, told from time to time."""

import logging
import time
from collections.abc import Collection
from typing import Protocol

from resources.printable import make_printable

SECONDS_BETWEEN_NEWS = 5.0

MAX_NAMED = 30
MAX_NAME_LENGTH = 80


def named(things: Collection[str]) -> str:
    """Names in their order, as far as somebody would read them: the first ones, each up to a length."""
    shown = [
        make_printable(each if len(each) <= MAX_NAME_LENGTH else f"{each[:MAX_NAME_LENGTH]}…")
        for each in sorted(things)[:MAX_NAMED]
    ]
    more = [f"and {len(things) - MAX_NAMED:,} more"] if len(things) > MAX_NAMED else []
    return ", ".join(shown + more) or "none"


class Progress(Protocol):
    """What is told of an report."""

    slices: int
    resumed: int
    finished: int
    parents: int
    parents_finished: int

    @property
    def records(self) -> int:
        """How many records were read so far."""


class ProgressLog:
    """Logs how far the reading of a table is."""

    def __init__(self, table: str, parents: str, log: logging.Logger) -> None:
        """Begin to count the seconds. `parents` is what the table's rows hang on, if on anything."""
        self._table, self._parents, self._log = table, parents, log
        self._begun = self._told = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun

    def tell(self, progress: Progress, *, at_once: bool = False) -> None:
        """Log how far it is, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._told < SECONDS_BETWEEN_NEWS and not at_once:
            return
        self._told = now
        finished, seconds = progress.finished, self.elapsed()
        ahead = progress.slices - progress.resumed - finished
        left = f", about {seconds / finished * ahead:.0f} s left" if finished and not at_once else ""
        parents = f"{progress.parents_finished:,} of {progress.parents:,} {self._parents}, " if self._parents else ""
        self._log.info(
            f"{self._table}: {parents}{progress.resumed + finished:,} of {progress.slices:,} reads, "
            f"{progress.records:,} records, {progress.records / seconds:,.0f} a second{left}"
        )
