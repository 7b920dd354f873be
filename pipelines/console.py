"""What a person sees on the terminal while the export works: one live line there, plain lines in a log."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from rich.status import Status


class NewsHandler(logging.Handler):
    """Shows what assets log, and leaves Dagster's own events aside."""

    def __init__(self, status: "Status | None") -> None:
        """`status` is the live line of a terminal; without it every message is a line on standard error."""
        super().__init__(logging.INFO)
        self._status = status

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        meta = getattr(record, "dagster_meta", {})
        if meta.get("dagster_event") or record.levelno >= logging.ERROR:  # errors end the run, which tells them
            return
        message = meta.get("orig_message", record.getMessage())
        if self._status and record.levelno < logging.WARNING:
            self._status.update(message)
        else:
            print(message, file=sys.stderr, flush=True)  # noqa: T201  (standard error is this module's door)


@contextmanager
def news() -> Iterator[dg.LoggerDefinition]:
    """The logger for a run of the export, as long as it lasts."""
    with _live_line() if sys.stderr.isatty() else _nothing() as status:
        handler = NewsHandler(status)

        @dg.logger
        def terminal(_context: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger("coupontools", logging.INFO)
            logger.addHandler(handler)
            return logger

        yield terminal


@contextmanager
def _live_line() -> Iterator["Status"]:
    from rich.console import Console

    with Console(stderr=True).status("Starting") as status:
        yield status


@contextmanager
def _nothing() -> Iterator[None]:
    yield None
