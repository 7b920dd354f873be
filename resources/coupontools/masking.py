"""Masks the account's keys in the bytes of an answer, before anything is read from it, in case the API repeats them.

It masks a key, its hex digits in lower or upper case, and its base64 (also that for URLs) wherever it begins in a
longer text; any of their characters may be escaped as in JSON, URLs, HTML or source code, also more than once, or be
two or four bytes wide. It does not mask a key that is cut, reversed, in another case, compressed, encrypted, or broken
across lines.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from resources.coupontools.json_shape import is_json

MIN_KEY_IN_DATA = 8
"""Minimum length of a key that is masked in records; a shorter one occurs in other texts by chance."""

MIN_KEY_IN_MESSAGES = 4
"""Minimum length of a key that is masked in messages, where masking a word by chance does no harm."""

MASK = "…".encode()
_IN_QUOTES = b'"' + MASK + b'"'
_PREFIX = 8
"""Length of the prefix by which candidates are found; an automaton of complete keys would be large."""

_LETTERS = re.compile(r"[A-Za-z0-9]+")
_HEX = "(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])"
_DECIMAL = "(?:4[89]|5[0-7]|6[5-9]|[78][0-9]|90|9[7-9]|1[01][0-9]|12[0-2])"
_ESCAPED_LETTER = (
    rf"\\u00{_HEX}|\\x{_HEX}|%(?:25)*{_HEX}"
    rf"|[&;6]#0*{_DECIMAL};|[&;6]#[xX]0*{_HEX};"  # the ampersand may be `&amp;` or `\u0026`
)
"""A letter or digit that is escaped without need."""

_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_TEXT_OR_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+.0-9eE]+', re.DOTALL)
_ESCAPE_BEGUN = re.compile(rb"(?:u[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?\Z")


@dataclass(frozen=True)
class KeyPatterns:
    """Patterns of the keys in all forms that are masked.

    The first two are for polars, whose engine searches for all forms at once, at a gigabyte a second.
    """

    _hint: str
    """Matches a body that may hold a key."""
    _beginning: str
    """Matches where a key may begin."""
    _whole: re.Pattern[bytes]
    """Matches a key."""

    @classmethod
    def of(cls, keys: Iterable[str]) -> "KeyPatterns":
        """Make the patterns of one key or more."""
        forms = sorted({form for key in keys for form in _encodings(key)}, key=len, reverse=True)
        runs = [max(_LETTERS.findall(form), key=len, default="") or _pattern_of_text(form[:_PREFIX]) for form in forms]
        return cls(
            "|".join([*dict.fromkeys(runs), _ESCAPED_LETTER]),
            "|".join(_pattern_of_text(form[:_PREFIX]) for form in forms),
            re.compile("|".join(map(_pattern_of_form, forms)).encode()),
        )

    def mask(self, body: bytes) -> bytes:
        """Mask the keys in a body; if it was JSON, it still is."""
        if not (spans := self._find_spans(body)):
            return body
        masked = _replace_spans(body, spans)
        if not is_json(body) or is_json(masked):
            return masked
        # the key stood in a JSON number, where its mask needs quotes
        body = _TEXT_OR_NUMBER.sub(lambda token: _IN_QUOTES if self._is_number_with_key(token[0]) else token[0], body)
        masked = _replace_spans(body, self._find_spans(body))
        return masked if is_json(masked) else _IN_QUOTES

    def _is_number_with_key(self, token: bytes) -> bool:
        return token[:1] != b'"' and self._whole.search(token) is not None

    def _find_spans(self, body: bytes) -> Sequence[tuple[int, int]]:
        """Find where keys are in the body, from the first to the last."""
        try:
            texts = pl.Series([body], dtype=pl.Binary).cast(pl.String)
        except pl.exceptions.ComputeError:  # not UTF-8; the keys are ASCII
            texts = pl.Series([body.decode("latin-1")])
        if not (b"\0" in body or texts.str.contains(self._hint).item()):
            return []
        return list(self._match_candidates(body, texts.str.extract_all(self._beginning).item()))

    def _match_candidates(self, body: bytes, candidates: Iterable[str]) -> Iterator[tuple[int, int]]:
        at = done = 0
        for candidate in candidates:
            start = body.index(candidate.encode(), at)
            at = start + len(candidate)
            for position in range(max(start, done), at):
                if key := self._whole.match(body, position):
                    end = _end_of_escape(body, key.end())
                    yield max(_start_of_escape(body, position), done), end
                    done = end
                    break


def make_masker(keys: Iterable[str], min_length: int) -> Callable[[bytes], bytes]:
    """Make the function that masks the keys that have at least `min_length` characters."""
    long_enough = [key for key in keys if len(key) >= min_length]
    return KeyPatterns.of(long_enough).mask if long_enough else bytes


def _replace_spans(body: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    parts, done = [], 0
    for start, end in spans:
        parts += [body[done:start], MASK]
        done = end
    return b"".join([*parts, body[done:]])


def _start_of_escape(body: bytes, position: int) -> int:
    """Return the position, or that of the backslash if it is inside an escape, which must be masked completely."""
    begun = _ESCAPE_BEGUN.search(body, max(0, position - 4), position)
    end = begun.start() if begun else position
    return end - 1 if _is_escaped(body, end) else position


def _end_of_escape(body: bytes, position: int) -> int:
    """Return the position, or that of the backslash before it if this escapes what follows, which must stay."""
    return position - 1 if _is_escaped(body, position) else position


def _is_escaped(body: bytes, position: int) -> bool:
    """Return whether a backslash before the position belongs to the character there."""
    before = body[:position] if position < 64 else body[position - 64 : position]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


def _encodings(key: str) -> Iterator[str]:
    """Yield the key, its hex digits, and what is the same in every base64 of a text that holds it."""
    yield key
    yield key.encode().hex()
    yield key.encode().hex().upper()
    for before in range(3):
        encoded = b64encode(b"\0" * before + key.encode()).decode()
        yield encoded[-(-before * 8 // 6) : (before + len(key)) * 8 // 6]


def _pattern_of_form(form: str) -> str:
    """Return the pattern of a form; one of digits alone does not match inside a longer number."""
    return rf"(?<![0-9]){_pattern_of_text(form)}(?![0-9])" if form.isdigit() else _pattern_of_text(form)


def _pattern_of_text(text: str) -> str:
    return r"\x00*".join(map(_pattern_of_character, text))


@cache
def _pattern_of_character(letter: str) -> str:
    """Return the pattern of a character in all its escapes; base64 for URLs has `-` and `_` for `+` and `/`."""
    code = ord(letter)
    digits = "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{code:02x}")
    ampersand = r"(?:&|\\+u0026)(?:amp;)*"
    spellings = [
        rf"\\*{re.escape(letter)}" if letter in "/\"'\\" else re.escape(letter),
        rf"\\+(?:u00|x){digits}",
        f"%(?:25)*{digits}",
        f"{ampersand}#(?:0*{code}|[xX]0*{digits});",
    ]
    spellings += [f"{ampersand}{_NAMED[letter]};"] if letter in _NAMED else []
    spellings += [{"+": "-", "/": "_"}[letter]] if letter in "+/" else []
    return f"(?:{'|'.join(spellings)})"
