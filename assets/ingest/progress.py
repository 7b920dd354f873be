"""Logs extraction progress every five seconds."""

import logging
import time
from typing import Protocol

SECONDS_BETWEEN_LINES = 5.0

PROGRESS = "coupontools_progress"
"""The attribute of a log record that holds how many slices of a table are finished, and how many there are."""


class Progress(Protocol):
    """The counts that are logged."""

    slices: int
    resumed: int
    finished: int
    parents: int
    parents_finished: int

    @property
    def records(self) -> int:
        """How many records were read so far."""


class ProgressLog:
    """Logs how far the extraction of a table is."""

    def __init__(self, table: str, parents: str, log: logging.Logger) -> None:
        """Start the clock; `parents` is the name of what the table's records belong to, empty if to nothing."""
        self._table, self._parents, self._log = table, parents, log
        self._begun = self._logged = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun

    def log(self, progress: Progress, *, at_once: bool = False) -> None:
        """Log one line, unless one was logged less than five seconds ago."""
        now = time.monotonic()
        if now - self._logged < SECONDS_BETWEEN_LINES and not at_once:
            return
        self._logged = now
        finished, seconds = progress.finished, self.elapsed()
        ahead = progress.slices - progress.resumed - finished
        left = f", about {seconds / finished * ahead:.0f} s left" if finished and not at_once else ""
        parents = f"{progress.parents_finished:,} of {progress.parents:,} {self._parents}, " if self._parents else ""
        self._log.info(
            f"{self._table}: {parents}{progress.resumed + finished:,} of {progress.slices:,} slices, "
            f"{progress.records:,} records, {progress.records / seconds:,.0f} a second{left}",
            extra={PROGRESS: (progress.resumed + finished, progress.slices)},
        )
