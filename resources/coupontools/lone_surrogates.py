"""Replaces what JSON allows and decoders refuse: lone surrogates, and values that are nested too deeply."""

import re
from collections.abc import Iterable

import msgspec

from resources.coupontools.nesting import replace_deep_values

MARK = rb"\ufdd0"
"""Replaces a lone surrogate, at the same length: a code point that Unicode reserves, so that no text has it."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def replace_lone_surrogates(text: bytes) -> bytes:
    """Replace lone surrogates by `MARK`, and what is nested too deeply by a text, so that the rest can be decoded.

    Every other byte stays where it was: a position in the result is the same position in `text`.
    """
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except RecursionError:
        text = replace_deep_values(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    return _ESCAPE.sub(lambda escape: MARK if escape[1] else escape[0], text)


def cut_tokens(text: bytes, readable: bytes, tokens: Iterable[bytes]) -> list[bytes]:
    """Cut out of a text what stands where the tokens do in `readable`, its replacement, in their order."""
    found, position = [], 0
    for token in tokens:
        position = readable.index(token, position)
        found.append(text[position : position + len(token)])
        position += len(token)
    return found
