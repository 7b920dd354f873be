"""What a person sees on the terminal while the export works: one live line there, plain lines in a log."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from resources.printable import make_printable

if TYPE_CHECKING:
    from rich.progress import Progress

_READS = re.compile(r"([\d,]+) of ([\d,]+) reads")
"""How far a reading is, in its news: Dagster hands on nothing of a message but its text."""


class ProgressHandler(logging.Handler):
    """Shows what assets log, and leaves Dagster's own events aside."""

    def __init__(self, bar: "Progress | None") -> None:
        """`bar` is the live line of a terminal; without it every message is a line on standard error."""
        super().__init__(logging.INFO)
        self._bar = bar

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        meta = getattr(record, "dagster_meta", {})
        if meta.get("dagster_event") or record.levelno >= logging.ERROR:  # errors end the run, which tells them
            return
        message = make_printable(meta.get("orig_message", record.getMessage()))
        if self._bar and record.levelno < logging.WARNING:
            done, total = map(_number, reads.groups()) if (reads := _READS.search(message)) else (0, None)
            self._bar.update(self._bar.task_ids[0], description=message, completed=done, total=total)
        else:
            print(message, file=sys.stderr, flush=True)  # noqa: T201  (standard error is this module's door)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


@contextmanager
def news() -> Iterator[dg.LoggerDefinition]:
    """The logger for a run of the export, as long as it lasts."""
    with _live_line() if sys.stderr.isatty() else _nothing() as bar:
        handler = ProgressHandler(bar)

        @dg.logger
        def terminal(_context: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger("coupontools", logging.INFO)
            logger.addHandler(handler)
            return logger

        yield terminal


@contextmanager
def _live_line() -> Iterator["Progress"]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    told = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = BarColumn(bar_width=20), TimeElapsedColumn(), told
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task("Starting", total=None)
        yield bar


@contextmanager
def _nothing() -> Iterator[None]:
    yield None
