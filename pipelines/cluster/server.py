"""A server in its own process: started, awaited until it answers, and stopped by its process id."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

MAX_SECONDS_TO_START = 180.0
MAX_SECONDS_TO_STOP = 15.0
"""A server that takes longer is killed."""


@dataclass
class Server:
    """A program that serves until it is stopped; it may be started again.

    It has a session of its own, so that Ctrl-C in a terminal does not reach it: whoever started it stops it.
    """

    name: str
    command: Sequence[str | Path]
    log: Path
    answers: Callable[[], bool]
    """Returns whether it answers; an OSError means that it does not yet."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables besides those of this process."""
    stop_signal: signal.Signals = signal.SIGTERM
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The process id, while it runs."""
        if self._process is None:
            raise ProcessLookupError(f"{self.name} does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. Raises click.ClickException if it ends or takes too long."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start it, without a wait."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (programs of wheels and of this project)
                self.command, stdout=log, stderr=log, env=os.environ | self.variables, start_new_session=True
            )

    def wait(self) -> None:
        """Wait until it answers. Raises click.ClickException if it ends or takes too long."""
        deadline = time.monotonic() + MAX_SECONDS_TO_START
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                raise click.ClickException(f"{self.name} has ended as it started: {self.log} says why.")
            if time.monotonic() > deadline:
                raise click.ClickException(
                    f"{self.name} does not answer after {MAX_SECONDS_TO_START:.0f} seconds: {self.log} says why."
                )
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return self.answers()
        except OSError:
            return False

    def stop(self) -> None:
        """End it, and wait for its end; nothing if it does not run."""
        if self._process is None:
            return
        self._send(self.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(MAX_SECONDS_TO_STOP)
        self.kill()

    def kill(self) -> None:
        """Kill it and its children at once, as if its host lost power."""
        if self._process is None:
            return
        self._send(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _send(self, signal_number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal_number)  # its session, which has no other process


def start_all(running: ExitStack, servers: Sequence[Server]) -> None:
    """Start servers side by side, and wait until all of them answer; the stack stops them, the last one first.

    Raises click.ClickException.
    """
    for server in servers:
        running.callback(server.stop)
        server.launch()
    for server in servers:
        server.wait()
