"""Handles names that occur more than once in a JSON object: one value is used, the others are kept beside it.

JSON does not define what a repeated name means, and decoders differ: some take the first value, most the last. Here the
last value that is not empty is used; the others become a list under `repeated.<name>`.
"""

import re
from collections.abc import Container, Mapping
from typing import Any

import msgspec

_EMPTY = re.compile(rb'null|""|\[\s*\]|\{\s*\}')


def is_empty_token(token: bytes) -> bool:
    """Whether a JSON token is an empty value: null, an empty text, or a list or an object that holds nothing."""
    return _EMPTY.fullmatch(token) is not None


class _Name:
    """The name of a member, unequal to every other object, so that a dict keeps members of the same name."""

    def __init__(self, text: str) -> None:
        self.text = text


def split_members(text: bytes) -> list[tuple[str, bytes]]:
    """Split a JSON object into its members. Raises msgspec.DecodeError for anything else."""
    members = msgspec.json.decode(text, type=dict[_Name, msgspec.Raw], dec_hook=lambda kind, name: kind(name))
    return [(name.text, bytes(value)) for name, value in members.items()]


def may_repeat_names(text: bytes, value: Any) -> bool:  # noqa: ANN401  (a JSON value of any type)
    """Whether an object in a JSON text, which decodes to `value`, may have a name twice; False is certain.

    A decoded object has each name once: if encoding it again gives fewer names, one was repeated.
    """
    compact = msgspec.json.format(text, indent=-1)
    # a text that begins with a colon is counted like a name, but only where the colon is not escaped
    is_countable = not (b'\\\\":' in compact or b"\\u003a" in compact or b"\\u003A" in compact)
    return not is_countable or _names(compact) != _names(msgspec.json.encode(value))


def _names(compact: bytes) -> int:
    """Count the names in compact JSON, except those that end in a backslash; quotes in texts are escaped."""
    return compact.count(b'":') - compact.count(b'\\":')


def rename_repeated_names(text: bytes, value: Any) -> bytes:  # noqa: ANN401  (a JSON value of any type)
    """Rename repeated names, at any depth, so that each occurs once in its object; `value` is the decoded text.

    A text without a repeated name is returned unchanged.
    """
    return _rename_repeated(text) if may_repeat_names(text, value) else text


def _rename_repeated(text: bytes) -> bytes:
    if text[:1] == b"[":
        items = [bytes(item) for item in msgspec.json.decode(text, type=list[msgspec.Raw])]
        fixed = [_rename_repeated(item) for item in items]
        return text if fixed == items else b"[" + b",".join(fixed) + b"]"
    if text[:1] != b"{":
        return text
    members = split_members(text)
    values_by_name: dict[str, list[bytes]] = {}
    for name, value in members:
        values_by_name.setdefault(name, []).append(_rename_repeated(value))
    if members == [(name, value) for name, values in values_by_name.items() for value in values[:1]]:
        return text
    return msgspec.json.encode({name: msgspec.Raw(value) for name, value in _keep_one_value(values_by_name).items()})


def _keep_one_value(values_by_name: Mapping[str, list[bytes]]) -> dict[str, bytes]:
    """Return one value for each name, and the unused ones under `repeated.<name>`."""
    once = {name: _choose_value(values) for name, values in values_by_name.items()}
    for name, values in values_by_name.items():
        if others := [value for value in values if value != once[name] and not is_empty_token(value)]:
            once[free_name("repeated", name, once)] = b"[" + b",".join(others) + b"]"
    return once


def free_name(prefix: str, name: str, taken: Container[str]) -> str:
    """Return `<prefix>.<name>`, with the prefix again while that is taken."""
    free = f"{prefix}.{name}"
    while free in taken:
        free = f"{prefix}.{free}"
    return free


def _choose_value(values: list[bytes]) -> bytes:
    """Choose the last value that is not empty, else the last that is not null."""
    filled = [value for value in values if not is_empty_token(value)]
    return (filled or [value for value in values if value != b"null"] or values)[-1]
