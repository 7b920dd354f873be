"""The process of the command: its standard streams and signals, set up before anything slow is imported."""

import gc
import io
import os
import signal
import sys
from errno import EPIPE
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputStream(io.FileIO):
    """A standard stream whose writes never fail, so that a closed pipe does not end the export."""

    error: OSError | None = None
    """Why something could not be written."""

    def write(self, data: "ReadableBuffer") -> int:
        """Write what can be written, and return the length of all of it."""
        length = memoryview(data).nbytes
        try:
            written = super().write(data)
        except OSError as error:
            self.error = error
            return length
        if written is None:  # the stream is non-blocking, and full
            self.error = BlockingIOError("its reader does not keep up")
            return length
        return written


INTERRUPTED = "The run was interrupted. What was published stays; the same command goes on where it stopped."


def main() -> None:
    """Run the command and exit, whatever the streams and signal handlers its process was started with.

    SIGINT and SIGTERM raise KeyboardInterrupt, also where a script's `&` has SIGINT ignored, or the process is a
    container's first: Dagster gives SIGTERM the handler of SIGINT, again and again.
    """
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, signal.default_int_handler)
    _restart_in_utf8()
    _open_closed_descriptors()
    sys.stdout, sys.stderr = _make_stream(sys.stdout, 1), _make_stream(sys.stderr, 2)
    # Dagster makes objects by the hundred thousand: collecting them over and over takes a sixth of an export
    gc.set_threshold(500_000)
    try:
        from pipelines.cli import run

        code = run()
    except KeyboardInterrupt:
        sys.stderr.write(f"Error: {INTERRUPTED}\n")
        code = 130
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # freeing them one by one takes as long again


def write_error(stream: TextIO) -> OSError | None:
    """Return why not everything could be written; None if it was, or if the reader has closed the stream."""
    stream.flush()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    error = raw.error if isinstance(raw, OutputStream) else None
    return None if error is None or error.errno == EPIPE else error


def _restart_in_utf8() -> None:
    """Restart the process in UTF-8 mode if the locale has another encoding: polars and DuckDB need it for paths."""
    if sys.getfilesystemencoding() != "utf-8" and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  (ourselves)


def _open_closed_descriptors() -> None:
    """Open what is closed of the standard streams, so that no file that is opened later takes its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free


def _make_stream(stream: TextIO | None, descriptor: int) -> TextIO:
    encoding = stream.encoding if stream else "utf-8"
    is_line_buffered = descriptor == 2 or os.isatty(descriptor)
    raw = OutputStream(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=is_line_buffered)
