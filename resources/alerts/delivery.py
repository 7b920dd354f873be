"""Sends each receiver the entries of a ledger that it has not been sent yet."""

import socket
from collections.abc import Mapping, Sequence

from resources.alerts.ledger import Ledger
from resources.alerts.message import compose
from resources.alerts.receivers import Receiver, send_to_each
from resources.settings import SettingsError, SharedWarehouse, Storage


def deliver(ledger: Ledger, receivers: Sequence[Receiver]) -> Mapping[str, str]:
    """Send each receiver what it has not been sent yet; returns why others were not reached, by their names."""
    place, failures = describe_place(), dict[str, str]()
    unknown = {receiver.id: ledger.unknown_to(receiver.id) for receiver in receivers}
    messages = [(receiver, compose(unknown[receiver.id], place)) for receiver in receivers if unknown[receiver.id]]
    for receiver, failure in send_to_each(messages):
        if failure:
            failures[receiver.name] = failure
        for entry in unknown[receiver.id]:
            entry.note_sent(receiver.id, is_taken=not failure)
    ledger.drop_settled()
    return failures


def describe_place() -> str:
    """Say which export an alert is about."""
    host = socket.gethostname()
    try:
        if database := SharedWarehouse.read().database:
            return f"Database {database}, from {host}"
        return f"Data folder {Storage.read().data_dir.absolute()} on {host}"
    except SettingsError:
        return f"On {host}"


def describe_failures(failures: Mapping[str, str]) -> str:
    """Say in one line who was not reached."""
    return ", ".join(f"{name} ({reason})" for name, reason in failures.items())
