"""Replaces what JSON allows and decoders refuse: half surrogate pairs, and values that are nested too deep."""

import re

import msgspec

from resources.coupontools.nesting import replace_deep_values

MARK = rb"\ufdd0"
"""Replaces a half pair, at the same length: a code point that Unicode reserves, so that no text has it."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def replace_lone_surrogates(text: bytes) -> bytes:
    """Replace each half pair by `MARK`, and what is nested too deep by a text, so that the rest can be decoded.

    Every other byte stays where it was: a position in the result is the same position in `text`.
    """
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except RecursionError:
        text = replace_deep_values(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    return _ESCAPE.sub(lambda escape: MARK if escape[1] else escape[0], text)
