"""The receivers of alerts: the addresses of COUPONTOOLS_ALERTS, as the library apprise understands them.

apprise is imported only where that variable is set: it takes a second of processor time.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from resources.alerts.message import Message
from resources.settings import Alerts, SettingsError

if TYPE_CHECKING:
    from apprise import NotifyBase

MAX_SECONDS = 20.0
"""Seconds that a receiver may take for one message."""

_PASSWORD = re.compile(r":[^:/?@]*@|\bpass=[^&]*")
_STATUS = re.compile(r"\berror\W*([1-5][0-9]{2})\b")


@dataclass(frozen=True)
class Receiver:
    """A receiver of alerts; its name, the service and the host if the address has one, may be shown."""

    name: str
    id: str
    """A hash of its address, by which it is the same receiver wherever it is named."""
    _service: "NotifyBase"

    def send(self, message: Message) -> str | None:
        """Send a message; returns None on success, or else the reason, which shows nothing of the address."""
        from apprise import Apprise, AppriseResultStatus, NotifyFormat, NotifyType

        kinds = {"failure": NotifyType.FAILURE, "success": NotifyType.SUCCESS, "info": NotifyType.INFO}
        sender = Apprise()
        sender.add(self._service)
        try:
            result = sender.notify(
                message.body,
                message.title,
                notify_type=kinds[message.kind],
                body_format=NotifyFormat.TEXT,
                timeout=MAX_SECONDS,
            )
        except Exception as error:  # what a service raises may hold its address
            return f"not sent ({type(error).__name__})"
        if result:
            return None
        if result.status == AppriseResultStatus.TIMEOUT:
            return f"no answer within {MAX_SECONDS:.0f} seconds"
        logged = " ".join(str(entry) for service in result for attempt in service for entry in attempt.logs)
        status = _STATUS.search(logged)
        return f"refused with HTTP {status[1]}" if status else "not reached, or refused"


def read_receivers() -> Sequence[Receiver]:
    """Read who is alerted; nobody if COUPONTOOLS_ALERTS is not set. Raises SettingsError."""
    addresses = Alerts.read().alerts
    return _parse(addresses.get_secret_value()) if addresses else ()


def send_to_each(messages: Iterable[tuple[Receiver, Message]]) -> Iterator[tuple[Receiver, str | None]]:
    """Send messages concurrently; yields each receiver with what `send` returns."""
    pairs = list(messages)
    with ThreadPoolExecutor(max(1, len(pairs)), thread_name_prefix="alert") as pool:
        yield from zip(
            (receiver for receiver, _ in pairs), pool.map(lambda pair: pair[0].send(pair[1]), pairs), strict=True
        )


@lru_cache(1)
def _parse(text: str) -> Sequence[Receiver]:
    addresses, taken = text.split(), Counter[str]()
    receivers = []
    for number, address in enumerate(addresses, 1):
        service = _service_at(address)
        if service is None:
            place = f" (number {number} of {len(addresses)})" if len(addresses) > 1 else ""
            raise SettingsError(
                f"COUPONTOOLS_ALERTS is wrong: an address{place} is not one that apprise knows. Write it as "
                "https://appriseit.com/services/ says, and separate addresses by blanks."
            )
        name = _name(service)
        taken[name] += 1
        shown = f"{name} ({taken[name]})" if taken[name] > 1 else name
        receivers.append(Receiver(shown, _identify(address), service))
    return receivers


def _service_at(address: str) -> "NotifyBase | None":
    from apprise import Apprise

    log = logging.getLogger("apprise")  # what it logs may hold addresses
    log.propagate = False
    log.addHandler(logging.NullHandler())
    try:
        service = Apprise.instantiate(address)
    except Exception:  # some of its services stumble over what is none of their addresses
        return None
    if service is not None:  # its own limit of 4 seconds makes a receiver of one that is slow get everything again
        service.socket_read_timeout = max(service.socket_read_timeout, MAX_SECONDS)
    return service


def _identify(address: str) -> str:
    """Hash an address without its password, which could be guessed from the hash, and may change."""
    return sha256(_PASSWORD.sub("", address).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _name(service: "NotifyBase") -> str:
    """Name a service; in many addresses a secret stands where the host would be."""
    templates: tuple[str, ...] = service.templates
    has_host = all("{host}" in template for template in templates)
    return f"{service.service_name} {service.host}" if has_host else str(service.service_name)
