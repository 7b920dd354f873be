"""Delivers what a ledger holds to those who do not know it yet."""

import socket
from collections.abc import Mapping, Sequence

from resources.alerts.ledger import Ledger
from resources.alerts.message import compose
from resources.alerts.receivers import Receiver, send_to_each
from resources.settings import SettingsError, SharedWarehouse, Storage


def deliver(ledger: Ledger, receivers: Sequence[Receiver]) -> Mapping[str, str]:
    """Send each receiver what it does not know; returns the names of those that were not reached, with the reason."""
    place, failures = describe_place(), dict[str, str]()
    unknown = {receiver.name: ledger.unknown_to(receiver.name) for receiver in receivers}
    messages = [(receiver, compose(unknown[receiver.name], place)) for receiver in receivers if unknown[receiver.name]]
    for receiver, failure in send_to_each(messages):
        if failure:
            failures[receiver.name] = failure
            continue
        for entry in unknown[receiver.name]:
            entry.informed.append(receiver.name)
    ledger.forget_what_all_know(unknown)
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
