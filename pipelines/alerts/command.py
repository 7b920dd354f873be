"""Sends the alerts of `coupontools export`: when it fails, and when the next one succeeds."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import click

from pipelines.export_failure import START, ExportFailure, FailedPart
from resources.alerts.delivery import deliver, describe_failures, describe_place
from resources.alerts.ledger import Ledger, kind_of
from resources.alerts.ledger_file import open_ledger
from resources.alerts.message import Message
from resources.alerts.receivers import Receiver, read_receivers, send_to_each
from resources.limits import limit_met
from resources.settings import ApiLimits, SettingsError, Storage

MAX_TRIES = 4
"""How often an export tries to send its alerts; what is not taken then is sent by the next one."""

MAX_FIRST_WAIT = 1.0
"""Seconds, at most, before the second try; each next wait is twice as long."""


@contextmanager
def alert_of_export() -> Iterator[None]:
    """Send alerts if the export in the block fails, or if it succeeds after a failure.

    An interrupted export, or one with wrong options, sends none. Raises SettingsError if COUPONTOOLS_ALERTS is wrong.
    """
    receivers = read_receivers()
    try:
        yield
    except (click.UsageError, click.Abort):
        raise
    except Exception as error:
        failure = error if isinstance(error, ExportFailure) else _failure_at_start(error)
        _alert(receivers, lambda ledger: _note_failure(ledger, failure))
        raise
    else:
        _alert(receivers, lambda ledger: ledger.settle(list(ledger.entries)))


def send_test() -> Mapping[str, str | None]:
    """Send each receiver a test; returns why one was not reached, or None, by its name. Raises SettingsError."""
    text = f"This is a test: alerts of this export arrive here.\n\n{describe_place()}"
    message = Message("Coupontools export: test", text)
    sent = send_to_each((receiver, message) for receiver in read_receivers())
    return {receiver.name: failure for receiver, failure in sent}


def _failure_at_start(error: Exception) -> ExportFailure:
    return ExportFailure([FailedPart.by_error(START, "export", error)], ())


def _note_failure(ledger: Ledger, failure: ExportFailure) -> None:
    """Note the problems of an export, and settle those that it has looked for and not met again."""
    keys = {problem.key for problem in failure.problems}
    ledger.settle([key for key in ledger.entries if kind_of(key) in failure.tried and key not in keys])
    for problem in failure.problems:
        ledger.note(problem)


def _alert(receivers: Sequence[Receiver], update: Callable[[Ledger], None]) -> None:
    """Update the ledger, and send each receiver what it does not know yet; any failure is only a warning."""
    try:
        with _open_ledger() as ledger:
            update(ledger)
            failures = _deliver_with_retries(ledger, receivers)
    except Exception as error:
        _warn(f"Alerts cannot be sent: {limit_met(error) or type(error).__name__}")
        return
    if failures:
        _warn(f"An alert was not taken by {describe_failures(failures)}: the next export sends it again.")


def _deliver_with_retries(ledger: Ledger, receivers: Sequence[Receiver]) -> Mapping[str, str]:
    """Send each receiver what it does not know yet, with retries; returns who was not reached, with the reason."""
    failures = deliver(ledger, receivers)
    for wait in _waits():
        if not failures:
            break
        time.sleep(wait)
        failures = deliver(ledger, receivers)
    return failures


def _open_ledger() -> AbstractContextManager[Ledger]:
    try:
        return open_ledger(Storage.read().data_dir, _warn)
    except SettingsError:  # the alert is about that
        return nullcontext(Ledger())


def _waits() -> Sequence[float]:
    """Return the seconds before each further try."""
    try:
        first = min(ApiLimits.read().retry_wait, MAX_FIRST_WAIT)
    except SettingsError:
        first = MAX_FIRST_WAIT
    return [first * 2**number for number in range(MAX_TRIES - 1)]


def _warn(message: str) -> None:
    click.echo(f"Warning: {message}", err=True)
