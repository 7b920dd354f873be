"""An event as a webhook brings it: a JSON object of any form, split into its members without reading them.

What is known of the members is in API.md, section 7: one kind is official, the rest is hearsay. So nothing is refused
for what it holds, as long as it is one JSON object.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256

import msgspec

from resources.coupontools.envelope import BOM
from resources.coupontools.lone_surrogates import replace_lone_surrogates
from resources.coupontools.nesting import MAX_DEPTH, is_deep
from resources.coupontools.repeated_keys import rename_repeated_names
from resources.utc import utc_now

MAX_EVENT_BYTES = 1_000_000
"""The largest body of an event; the API's records, of which an event holds one, have some kilobytes."""

MAX_BRACKETS = 20_000
"""Maximum opening brackets in an event: a decoded object or list takes many times its length."""


class InvalidEventError(Exception):
    """A body is not one JSON object that can be read."""


@dataclass(frozen=True)
class Event:
    """A JSON object that came, when it came (naive UTC), and whether its signature is right."""

    body: bytes = field(repr=False)
    members: Mapping[str, bytes] = field(repr=False)
    """The JSON tokens of its members, each name once."""
    received_at: datetime
    is_signed: bool = False

    @cached_property
    def digest(self) -> str:
        """A hash of the body, which identifies an event that has no id."""
        return f"body_{sha256(self.body).hexdigest()[:40]}"


def read_event(body: bytes, *, is_signed: bool = False) -> Event:
    """Split a body that has just arrived into its members. Raises InvalidEventError."""
    return Event(body, split_event(body), utc_now(), is_signed)


def split_event(text: bytes) -> dict[str, bytes]:
    """Split a JSON object into its members, each name once; lone surrogates are replaced.

    Raises InvalidEventError for anything but a JSON object, and if it is too deep or has over `MAX_BRACKETS` brackets.
    """
    text = text.removeprefix(BOM).strip()
    if text[:1] != b"{":
        raise InvalidEventError("no JSON object")
    if text.count(b"{") + text.count(b"[") > MAX_BRACKETS:
        raise InvalidEventError(f"more than {MAX_BRACKETS:,} brackets")
    try:
        text.decode()
        readable = replace_lone_surrogates(text)
        value = _DECODER.decode(readable)
        if is_deep(value):
            raise InvalidEventError(f"more than {MAX_DEPTH} objects or lists inside each other")
        members = msgspec.json.decode(rename_repeated_names(readable, value), type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        raise InvalidEventError("it cannot be read as JSON") from None
    return {name: bytes(token) for name, token in members.items()}


# a number with a point or an exponent stays the text that it is
_DECODER = msgspec.json.Decoder(float_hook=str)
