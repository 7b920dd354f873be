"""Processes of their own that begin at once: each is forked from one that has imported what the command needs."""

import os
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from pipelines.process import main

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["pipelines.export", "tests.support.forked", "tests.support.small_table"])


class Forked:
    """A process that runs a function, with the environment of this one as it is now, and says nothing but errors."""

    def __init__(self, work: Callable[..., None], *arguments: object, **environment: str) -> None:
        """Start it; `work` is a function of a module."""
        with NamedTemporaryFile(prefix="errors-", delete=False) as file:
            self._errors = Path(file.name)
        variables = {**os.environ, **environment}
        self._process = _FORKS.Process(target=_run, args=(variables, self._errors, work, arguments), daemon=True)
        self._process.start()

    @property
    def has_ended(self) -> bool:
        """Whether it is no longer there."""
        return self._process.exitcode is not None

    @property
    def said(self) -> str:
        """What it has said of errors and progress so far."""
        return self._errors.read_text()

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process.pid
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Kill it where it is."""
        self._process.kill()
        self.wait()

    def wait(self, seconds: float = 180) -> tuple[int, str]:
        """Wait for its end; returns its exit code, negative for a signal, and what it said of errors."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"it has not ended after {seconds} seconds"
        errors = self._errors.read_text() if self._errors.exists() else ""
        self._errors.unlink(missing_ok=True)
        return self._process.exitcode, errors

    def finish(self, code: int = 0) -> str:
        """Wait for its end with this exit code; returns what it said of errors."""
        ended_with, errors = self.wait()
        assert ended_with == code, errors
        return errors


def start_command(data_dir: Path, *arguments: str) -> Forked:
    """Start the command on a folder."""
    return Forked(_run_command, arguments, COUPONTOOLS_DATA_DIR=str(data_dir))


def _run(variables: dict[str, str], errors: Path, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    for descriptor, path in ((1, os.devnull), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    work(*arguments)


def _run_command(arguments: tuple[str, ...]) -> None:
    sys.argv = ["coupontools", *arguments]
    main()
