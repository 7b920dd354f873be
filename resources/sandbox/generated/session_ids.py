"""Ids of generated sessions, computed from a row's index and never stored."""

import polars as pl

from resources.sandbox.account.new_sessions import ALPHABET
from resources.sandbox.generated.random_columns import INDEX, draw_bits

_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
ID_LETTERS = pl.Series([*ALPHABET, *ALPHABET.swapcase()])
"""A character of a session id per number; then the same with upper and lower case swapped."""
ID_PAIRS = pl.Series(_PAIRS + [pair.swapcase() for pair in _PAIRS])
"""Two characters of a session id per number, likewise."""


def make_session_id(seed: int) -> pl.Expr:
    """Return the 21-character session id per row, a pure function of `index` (String).

    One session in about 500 has the id of its predecessor with upper and lower case swapped, so that whoever
    compares ids without regard to case loses it.
    """
    is_twin = (INDEX % 2 == 1) & (draw_bits(seed, "twin") % 250 == 0)
    source = pl.when(is_twin).then(INDEX - 1).otherwise(INDEX)
    swap = pl.when(is_twin).then(1).otherwise(0)
    first, second = draw_bits(seed, "session id 1", source), draw_bits(seed, "session id 2", source)
    lead = pl.lit(ID_LETTERS).gather(first % 36 + swap * len(ALPHABET))
    pairs = [
        pl.lit(ID_PAIRS).gather(number // len(_PAIRS) ** power % len(_PAIRS) + swap * len(_PAIRS))
        for number in (first // 36, second)
        for power in range(5)
    ]
    return pl.concat_str(lead, *pairs)


def matches_id(seed: int, session_id: str) -> pl.Expr:
    """Return whether a row may have this session id (Boolean): so few pass that ids need not be stored."""
    number = draw_bits(seed, "session id 2")
    tails = []
    for text in (session_id, session_id.swapcase()):
        digits = [ALPHABET.index(letter) for letter in text[-10:]]
        tails.append(sum((digits[2 * k] * len(ALPHABET) + digits[2 * k + 1]) * len(_PAIRS) ** k for k in range(5)))
    tail = number % len(_PAIRS) ** 5
    own = tail.is_in(tails)
    twin = (INDEX % 2 == 1) & (draw_bits(seed, "session id 2", INDEX - 1) % len(_PAIRS) ** 5).is_in(tails)
    return own | twin
