"""Who a text names: the one rule by which e-mail addresses and phone numbers are the same, for frames and in SQL.

An address is the same in capitals and with blanks around it; a number is its digits, without the signs between them,
the plus or 00 in front of its country, and the (0) behind that. A number without its country keeps its 0.
"""

import polars as pl

from resources.warehouse.sql import quoted_text

BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
BLANKS += "\u2028\u2029\u202f\u205f\u3000"
"""Every blank of Unicode, the engines' own words for one differ."""

WRITTEN_AS = {
    **{chr(ord(wide) + 0xFEE0): wide for wide in "0123456789+@.()/-"},
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63", "-"),
    **dict.fromkeys("\N{GREEK CAPITAL LETTER SIGMA}\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"),
    "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}": "i",
}
"""Characters that mean what another one does, and two letters of which each engine makes small ones of its own."""

INVISIBLE = "\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
INVISIBLE += "\u2066\u2067\u2068\u2069\ufeff"
"""Characters that nobody sees in a text that has them."""

_SIGNS = rf"0-9()./\-{BLANKS}"
_NUMBER = rf"^[({BLANKS}]*\+?[{_SIGNS}]*[0-9][{_SIGNS}]*$"
_TRUNK_ZERO = r"([0-9][^0-9(]*)\([^0-9)]*0[^0-9)]*\)"
_BETWEEN_DIGITS = "[^0-9+]"
_BEFORE_THE_COUNTRY = r"^(\+0*|00+)"


def identities(texts: pl.Series) -> pl.Series:
    """Whom each text names, if it is an address or a number; other texts without blanks around them, in lower case."""
    plain = readable(pl.col("text")).str.strip_chars(BLANKS).str.to_lowercase()
    named = pl.when(plain.str.contains(_NUMBER)).then(digits(plain)).otherwise(plain)
    return pl.DataFrame({"text": texts}).select(pl.when(named != "").then(named).alias(texts.name)).to_series()


def readable(text: pl.Expr) -> pl.Expr:
    """Texts without what nobody sees in them, and with one character where several mean the same."""
    return text.str.replace_many([*WRITTEN_AS, *INVISIBLE], [*WRITTEN_AS.values(), *[""] * len(INVISIBLE)])


def digits(number: pl.Expr) -> pl.Expr:
    """Phone numbers as they are compared: their digits, with the country first, or else their 0."""
    without_trunk_zero = number.str.replace_all(_TRUNK_ZERO, "${1}")
    return without_trunk_zero.str.replace_all(_BETWEEN_DIGITS, "").str.replace(_BEFORE_THE_COUNTRY, "")


def identity_in_sql(text: str) -> str:
    """The same as `identities` for a text in SQL; one that is written as most are takes a tenth of the time."""
    come_from, become = "".join(WRITTEN_AS) + INVISIBLE, "".join(WRITTEN_AS.values())
    plain = f"trim(translate({text}, {quoted_text(come_from)}, {quoted_text(become)}), {quoted_text(BLANKS)})"
    is_plain = f"strlen({text}) = length({text}) AND {text} >= '!' AND right({text}, 1) > ' '"
    plain = f"lower(CASE WHEN {is_plain} THEN {text} ELSE {plain} END)"
    has_letter = f"({text} >= 'A' OR {text} >= '0' AND lower({text}) <> upper({text}))"
    digits = f"regexp_replace({plain}, {quoted_text(_TRUNK_ZERO)}, '\\1', 'g')"
    digits = f"regexp_replace({digits}, {quoted_text(_BETWEEN_DIGITS)}, '', 'g')"
    digits = f"regexp_replace({digits}, {quoted_text(_BEFORE_THE_COUNTRY)}, '')"
    return (
        f"CASE WHEN {is_plain} AND {has_letter} THEN lower({text}) "
        f"WHEN regexp_full_match({text}, '\\+?[1-9][0-9]*') THEN ltrim({text}, '+') "
        f"WHEN regexp_matches({plain}, {quoted_text(_NUMBER)}) THEN nullif({digits}, '') ELSE nullif({plain}, '') END"
    )
