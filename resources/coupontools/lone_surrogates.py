"""What JSON texts may hold and our decoders may not: half surrogate pairs, and values that lie too deep."""

import re

import msgspec

from resources.coupontools.nesting import flattened

MARK = rb"\ufdd0"
"""Stands in for a half pair, at the same length: a code point that Unicode keeps out of all interchange."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def replace_lone_surrogates(text: bytes) -> bytes:
    """Replace each half pair by `MARK`, and what lies too deep by a text, so that the rest of the JSON can be read.

    Every other byte stays where it was: a position in the result is the same position in `text`.
    """
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except RecursionError:
        text = flattened(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    return _ESCAPE.sub(lambda escape: MARK if escape[1] else escape[0], text)
