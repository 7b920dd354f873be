"""Half surrogate pairs, the one thing that JSON texts may hold and Unicode texts may not."""

import re

MARK = rb"\ufdd0"
"""Stands in for a half pair, at the same length: a code point that Unicode keeps out of all interchange."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def mended(text: bytes) -> bytes:
    """The same JSON with `MARK` for each half pair, so that a decoder that refuses them can read around them.

    Every other byte stays where it was: a position in the result is the same position in `text`.
    """
    return _ESCAPE.sub(lambda escape: MARK if escape[1] else escape[0], text)
