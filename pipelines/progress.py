"""Shows the progress of an export on standard error: one live line on a terminal, plain lines in a log."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from assets.ingest.progress import PROGRESS
from resources.printable import make_printable

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressHandler(logging.Handler):
    """Shows what assets log, and leaves Dagster's own events aside."""

    def __init__(self, bar: "Progress | None") -> None:
        """`bar` is the live line of a terminal; without it every message is a line on standard error."""
        super().__init__(logging.INFO)
        self._bar = bar

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        meta = getattr(record, "dagster_meta", {})
        if meta.get("dagster_event") or record.levelno >= logging.ERROR:  # errors end the run, and are shown then
            return
        message = make_printable(meta.get("orig_message", record.getMessage()))
        if self._bar and record.levelno < logging.WARNING:
            finished, total = getattr(record, PROGRESS, (0, None))
            self._bar.update(self._bar.task_ids[0], description=message, completed=finished, total=total)
        else:
            click.echo(message, err=True)


@contextmanager
def open_progress_log() -> Iterator[logging.Logger]:
    """Make the logger that shows progress on standard error; it works inside the `with` block."""
    with _live_line() if sys.stderr.isatty() else _no_line() as bar:
        log = logging.Logger("coupontools", logging.INFO)
        log.addHandler(ProgressHandler(bar))
        yield log


@contextmanager
def _live_line() -> Iterator["Progress"]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    message = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = BarColumn(bar_width=20), TimeElapsedColumn(), message
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task("Starting", total=None)
        yield bar


@contextmanager
def _no_line() -> Iterator[None]:
    yield None
