"""The process of the command: its streams, signals and encoding, set up before anything slow is imported."""

import os
import signal
import sys

from pipelines.streams import make_stream, report_interruption


def main() -> None:
    """Run the command and exit, whatever the streams and signal handlers its process was started with.

    SIGINT and SIGTERM raise KeyboardInterrupt, even if the process ignores SIGINT because a script started it with `&`,
    or is the first of a container: Dagster repeatedly sets the handler of SIGINT for SIGTERM, too. So does the end of
    its terminal, unless it ignores that because `nohup` started it.
    """
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _end_with_terminal)
    _restart_in_utf8()
    _open_closed_descriptors()
    sys.stdout, sys.stderr = make_stream(sys.stdout, 1), make_stream(sys.stderr, 2)
    try:
        from pipelines.cli import run

        code = run()
    except KeyboardInterrupt:
        code = report_interruption()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a normal exit frees every object first, one by one


def _end_with_terminal(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the shell and the kernel send it one after the other
    signal.raise_signal(signal.SIGTERM)


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
