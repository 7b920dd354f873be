"""The process of the command: who reads what it says decides nothing, and it hears when it is told to end.

Nothing else is imported before that, for it takes its time.
"""

import gc
import io
import os
import signal
import sys
from errno import EPIPE
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class TellingStream(io.FileIO):
    """A file that takes whatever it is given; `lost` is why something could not be handed on."""

    lost: OSError | None = None

    def write(self, data: "ReadableBuffer") -> int:
        """Write what can be written; returns as if that were all."""
        length = memoryview(data).nbytes
        try:
            written = super().write(data)
        except OSError as error:
            self.lost = error
            return length
        if written is None:  # it would have to wait
            self.lost = BlockingIOError("its reader does not keep up")
            return length
        return written


INTERRUPTED = "The run was interrupted. What was published stays; the same command goes on where it stopped."


def main() -> None:
    """Run the command, whatever its process was started with; never returns.

    SIGINT and SIGTERM raise KeyboardInterrupt, also where a script's `&` has SIGINT ignored, or the process is a
    container's first: Dagster gives SIGTERM the handler of SIGINT, again and again.
    """
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, signal.default_int_handler)
    _speak_utf8()
    _open_what_is_closed()
    sys.stdout, sys.stderr = _told(sys.stdout, 1), _told(sys.stderr, 2)
    # Dagster makes objects by the hundred thousand; to look through them all over and over takes a sixth of the time
    gc.set_threshold(500_000)
    try:
        from pipelines.cli import run

        code = run()
    except KeyboardInterrupt:
        sys.stderr.write(f"Error: {INTERRUPTED}\n")
        code = 130
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # and to take them apart one by one takes as long again


def loss(stream: TextIO) -> OSError | None:
    """Why not all that was said has arrived; None if it has, or if its reader had enough."""
    stream.flush()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    lost = raw.lost if isinstance(raw, TellingStream) else None
    return None if lost is None or lost.errno == EPIPE else lost


def _speak_utf8() -> None:
    """Start again in UTF-8 if the locale has another encoding: polars and DuckDB know no other for paths."""
    if sys.getfilesystemencoding() != "utf-8" and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  (ourselves)


def _open_what_is_closed() -> None:
    """Let nothing that is opened later, the database say, become standard output or error."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free


def _told(stream: TextIO | None, descriptor: int) -> TextIO:
    encoding = stream.encoding if stream else "utf-8"
    is_line_by_line = descriptor == 2 or os.isatty(descriptor)
    raw = TellingStream(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=is_line_by_line)
