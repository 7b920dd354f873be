"""Names that stand twice in a JSON object: of their values one counts, and the others are kept beside it.

JSON leaves open what a repeated name means, and decoders differ: some take the first value, most the last. Here the
last one that says anything counts; those that give way become a list under `repeated.<name>`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

EMPTY = (b"null", b'""', b"[]", b"{}")
"""Values that say nothing."""


class _Name:
    """The name of a member, unlike every other, so that a dict of such keeps members that share their name."""

    def __init__(self, text: str) -> None:
        self.text = text


def pairs_of(text: bytes) -> list[tuple[str, bytes]]:
    """Split a JSON object into its members. Raises msgspec.DecodeError if it is none."""
    found = msgspec.json.decode(text, type=dict[_Name, msgspec.Raw], dec_hook=lambda kind, name: kind(name))
    return [(name.text, bytes(value)) for name, value in found.items()]


def may_repeat(text: bytes, value: Any) -> bool:  # noqa: ANN401  (a JSON value of any type)
    """Whether some object may have a name twice in a JSON text, which is `value` when decoded; if not, none has.

    A decoded object has each name once: a name that is gone when it is encoded again stood twice.
    """
    compact = msgspec.json.format(text, indent=-1)
    return b'\\\\":' in compact or _names(compact) != _names(msgspec.json.encode(value))


def _names(compact: bytes) -> int:
    """How many names stand in compact JSON, but for those that end in a backslash; quotes in texts are escaped."""
    return compact.count(b'":') - compact.count(b'\\":')


def told_apart(text: bytes, value: Any) -> bytes:  # noqa: ANN401  (a JSON value of any type)
    """Rename repeated names, at any depth, so that each is once in its object; `value` is the text when decoded.

    What has no name twice stays as it is written.
    """
    return _told_apart(text) if may_repeat(text, value) else text


def _told_apart(text: bytes) -> bytes:
    if text[:1] == b"[":
        items = [bytes(each) for each in msgspec.json.decode(text, type=list[msgspec.Raw])]
        fixed = [_told_apart(each) for each in items]
        return text if fixed == items else b"[" + b",".join(fixed) + b"]"
    if text[:1] != b"{":
        return text
    found = pairs_of(text)
    apart: dict[str, list[bytes]] = {}
    for name, value in found:
        apart.setdefault(name, []).append(_told_apart(value))
    if found == [(name, value) for name, values in apart.items() for value in values[:1]]:
        return text
    return msgspec.json.encode({name: msgspec.Raw(value) for name, value in _once(apart).items()})


def _once(found: Mapping[str, list[bytes]]) -> dict[str, bytes]:
    """One value for each name, and those that gave way."""
    once = {name: _counting(values) for name, values in found.items()}
    for name, values in found.items():
        if others := [each for each in values if each != once[name] and each not in EMPTY]:
            free = f"repeated.{name}"
            while free in once:
                free = f"repeated.{free}"
            once[free] = b"[" + b",".join(others) + b"]"
    return once


def _counting(values: list[bytes]) -> bytes:
    """Choose the last value that says anything, else the last that is not null."""
    for says_nothing in (EMPTY, (b"null",)):
        if filled := [each for each in values if each not in says_nothing]:
            return filled[-1]
    return values[-1]
