"""Limits the nesting depth of records: detects deeper values, and replaces them so that the rest can be read."""

import re
from typing import Any

MAX_DEPTH = 100
"""Maximum depth of objects and lists in a record; decoders fail somewhere above it."""

_PIECE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def is_deep(value: Any) -> bool:  # noqa: ANN401  (a JSON value of any type)
    """Whether a decoded value is nested more than MAX_DEPTH objects and lists deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def replace_deep_values(text: bytes) -> bytes:
    """Replace each object and list below MAX_DEPTH by a text of the same length.

    Every other byte stays where it was: a position in the result is the same position in `text`.
    """
    parts, depth, start, end = [], 0, 0, 0
    for piece in _PIECE.finditer(text):
        match piece[0][:1]:
            case b"[" | b"{":
                depth += 1
                start = piece.start() if depth == MAX_DEPTH + 1 else start
            case b"]" | b"}":
                depth -= 1
                if depth == MAX_DEPTH:
                    parts += [text[end:start], b'"', b"x" * (piece.end() - start - 2), b'"']
                    end = piece.end()
    if depth > MAX_DEPTH:  # cut off
        return b"".join([*parts, text[end:start], b'"', b"x" * (len(text) - start - 1)])
    return b"".join([*parts, text[end:]])
