"""The standard streams of the command, whose writes never fail, and what it writes there when it is interrupted."""

import io
import os
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


def make_stream(stream: TextIO | None, descriptor: int) -> TextIO:
    """Make the stream of a descriptor whose writes never fail, with the encoding of the stream that it replaces."""
    encoding = stream.encoding if stream else "utf-8"
    is_line_buffered = descriptor == 2 or os.isatty(descriptor)
    raw = OutputStream(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=is_line_buffered)


def write_error(stream: TextIO) -> OSError | None:
    """Return why not everything could be written; None if it was, or if the reader has closed the stream."""
    stream.flush()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    error = raw.error if isinstance(raw, OutputStream) else None
    return None if error is None or error.errno == EPIPE else error


def report_interruption() -> int:
    """Write that the run was interrupted, and return the exit code."""
    sys.stderr.write(
        "Error: The run was interrupted. What was published stays; the same command goes on where it stopped.\n"
    )
    return 130
