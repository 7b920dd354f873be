"""Values inside values: how deep they may go, and how to read around those that go deeper."""

import re
from typing import Any

MAX_DEPTH = 100
"""So many objects and lists may lie inside each other in a record; decoders give up somewhere above."""

_PIECE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def is_deep(value: Any) -> bool:  # noqa: ANN401  (a JSON value of any type)
    """Whether a decoded value holds more than MAX_DEPTH objects and lists inside each other."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def flattened(text: bytes) -> bytes:
    """Replace each object and list that lies too deep to be read by a text of the same length.

    Every other byte stays where it was: a position in the result is the same position in `text`.
    """
    found, depth, start, end = [], 0, 0, 0
    for piece in _PIECE.finditer(text):
        match piece[0][:1]:
            case b"[" | b"{":
                depth += 1
                start = piece.start() if depth == MAX_DEPTH + 1 else start
            case b"]" | b"}":
                depth -= 1
                if depth == MAX_DEPTH:
                    found += [text[end:start], b'"', b"x" * (piece.end() - start - 2), b'"']
                    end = piece.end()
    if depth > MAX_DEPTH:  # cut off
        return b"".join([*found, text[end:start], b'"', b"x" * (len(text) - start - 1)])
    return b"".join([*found, text[end:]])
