"""Describes a JSON text by its keys and types, without a value, for messages about data that must not be shown."""

import json
import re
from typing import Any

from resources.coupontools.lone_surrogates import replace_lone_surrogates

MAX_DEPTH_SHOWN = 4
MAX_BYTES = 4_000_000
"""A longer text is not parsed."""

MAX_KEYS, MAX_CHARACTERS = 30, 700
"""How many keys of an object a description names, and how long it is, cut off at the end."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]{0,40}[0-9]{0,2}")
"""A key that is a field's name; others, such as an e-mail address, may be somebody's data."""


def describe_shape(body: bytes) -> str:
    """Describe a JSON text, as `{status: {status: text}, users: [2 x {ID: text}]}`."""
    if not body.strip():
        return "an empty body"
    if len(body) > MAX_BYTES:
        return f"{'HTML' if is_html(body) else 'too long to inspect'} ({len(body):,} bytes)"
    try:
        shape = _describe(_decode(body), MAX_DEPTH_SHOWN)
    except UnicodeDecodeError:
        reason = "not in UTF-8, or cut off"
    except (ValueError, RecursionError):
        reason = "not JSON, or cut off"
    else:
        return (shape if len(shape) <= MAX_CHARACTERS else f"{shape[:MAX_CHARACTERS]}…") + _name_encoding(body)
    return f"{'HTML' if is_html(body) else reason} ({len(body):,} bytes)"


def _name_encoding(body: bytes) -> str:
    """Name the encoding of a JSON text if it is not UTF-8, the only one that the export reads."""
    encoding = json.detect_encoding(body)[:6].upper()
    return "" if encoding.startswith("UTF-8") else f", in {encoding} instead of UTF-8"


def is_html(body: bytes) -> bool:
    """Whether a text is a web page."""
    return body.lstrip()[:1] == b"<"


def is_json(body: bytes) -> bool:
    """Whether a text is JSON, lone surrogates allowed; false for one longer than MAX_BYTES."""
    if len(body) > MAX_BYTES:
        return False
    try:
        _decode(body)
    except (ValueError, RecursionError):
        return False
    return True


def _decode(body: bytes) -> Any:  # noqa: ANN401  (a JSON value of any type)
    return json.loads(replace_lone_surrogates(body), parse_int=float)  # of any number of digits


def _describe(value: Any, depth: int) -> str:  # noqa: ANN401  (a JSON value of any type)
    match value:
        case dict():
            return _describe_fields(value, depth) if depth else "{…}"
        case list():
            kinds = dict.fromkeys(_describe(item, depth - 1) if depth else "…" for item in value[:3])
            return f"[{len(value)} x {' or '.join(kinds)}]" if value else "[]"
        case _:
            return kind(value)


def _describe_fields(value: dict[str, Any], depth: int) -> str:
    names = list(value)[:MAX_KEYS]
    shown = [f"{field_name(name)}: {_describe(value[name], depth - 1)}" for name in names]
    more = [f"{len(value) - MAX_KEYS} more"] if len(value) > MAX_KEYS else []
    return "{" + ", ".join(list(dict.fromkeys(shown)) + more) + "}"


def field_name(key: str) -> str:
    """Return the key, if it is the name of a field and not somebody's data."""
    return key if _NAME.fullmatch(key) else "<key>"


def kind(value: object) -> str:
    """Return the word for the type of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case str():
            return "text"
        case dict():
            return "object"
        case _:
            return "list"
