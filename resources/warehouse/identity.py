"""Who a text names: the one rule by which e-mail addresses and phone numbers are the same, for frames and in SQL.

An address is the same in capitals and with blanks around it; a number is its digits, without the signs between them,
the plus or 00 in front of its country, and the (0) behind that. A number without its country keeps its 0.
"""

import re
from functools import reduce
from urllib.parse import unquote

import polars as pl

from resources.warehouse.sql import quoted_text

BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
BLANKS += "\u2028\u2029\u202f\u205f\u3000"
"""Every blank of Unicode, as the engines define it differently."""

WRITTEN_AS = {
    **{chr(ord(wide) + 0xFEE0): wide for wide in "0123456789+@.()/-"},
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63", "-"),
    **dict.fromkeys("\N{GREEK CAPITAL LETTER SIGMA}\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"),
    "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}": "i",
}
"""Characters that mean the same as another one, and two letters that each engine puts in lower case differently."""

INVISIBLE = "\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
INVISIBLE += "\u2066\u2067\u2068\u2069\ufeff"
"""Characters that are invisible in a text."""

_SIGNS = rf"0-9()./\-{BLANKS}"
_NUMBER = rf"^[({BLANKS}]*\+?[{_SIGNS}]*[0-9][{_SIGNS}]*$"
_TRUNK_ZERO = r"([0-9][^0-9(]*)\([^0-9)]*0[^0-9)]*\)"
_BETWEEN_DIGITS = "[^0-9+]"
_BEFORE_THE_COUNTRY = r"^(\+0*|00+)"

MIN_DIGITS, MAX_DIGITS = 7, 15
"""Number of digits of a phone number; fewer may be anything."""

MAX_INNER_TEXTS = 3
"""How many JSON texts within each other are searched, as a field may hold JSON as a text."""

_HASH_LENGTH = 64
_SOMEBODY = rf"[^@]@+[^@]|(?:[0-9][^0-9]*){{{MIN_DIGITS}}}|^[^ ]{{{_HASH_LENGTH}}}(?: |$)"
"""A pattern that is in every normalised text that names somebody: an address, a number, or a hash at its beginning.

Any word of that length counts as a hash: in SQL, looking at each of its letters would take twice as long as all else.
"""

_HASH = r"\b[0-9a-f]{64}\b"
_HASHED = r"^([0-9a-f]{64})(?: |$)"
_WHOLE = rf"^([\w.!#$%&'*+/=?^`{{|}}~-]+@[\w-]+(?:\.[\w-]+)+|[0-9]{{{MIN_DIGITS},{MAX_DIGITS}}})$"
_PLAIN = r"^(?:[a-z][a-z0-9._+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+|\+?[1-9][0-9]{6,14}|[0-9a-f]{64})$"
_ADDRESS = r"[\w.!#$%&'*+~^-]+@[\w-]+(?:\.[\w-]+)+"
_AROUND_ADDRESSES = ".!#$%&'*+~^-"
_MOMENT = r"\b(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?:[ t][0-9]{2}:[0-9]{2})?"
_NO_NUMBERS = (_ADDRESS, _MOMENT, r"[\w-]*[\p{L}_][\w-]*")
_RUN = r"\(?\+?\(?[0-9][0-9 ()./-]*[0-9]"
_LINE_BREAKS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
_RUN_OVER_LINES = _RUN.replace("[0-9 ", f"[0-9 {_LINE_BREAKS}")
_BLANKS_IN_A_LINE = "".join(set(BLANKS) - set(_LINE_BREAKS))
_ESCAPE = r"\\(?:u[0-9a-fA-F]{4}|[bfnrt])"
_ESCAPE_OF_A_PART = r"(?s)\\(?:[bfnrt]|u(?:00[2-7aA]|0[36]|1[68]|20|22|30|[fF]|[0-9a-fA-F]{4}[0-9a-f-]))|@.*\\u|\\u.*@"
_JSON_TEXT = rf'^(?:[^\\]|\\["\\/]|{_ESCAPE})*$'
_NO_LETTER = r"[\x00-\x1f]|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
_OF_LINKS = r"%[0-9A-Fa-f]{2}|://"
_PLUS_FOR_A_BLANK = re.compile(r"(?<=[0-9)])\+(?=[0-9(]|%28)(?![\w.+%-]*(?:@|%40))")
_DIGIT = r"[0-9\x{ff10}-\x{ff19}]"
_MAY_NAME = (
    rf"[@\x{{ff20}}]|%(?:25)*40|\\u00[2-7]|\\u[fF][fF]|[0-9a-f]{{64}}|"
    rf"{_DIGIT}(?:(?:[^0-9A-Za-z]|%[0-9A-Fa-f]{{2}}|{_ESCAPE}){{0,9}}{_DIGIT}){{{MIN_DIGITS - 1}}}"
)
"""A pattern that is in every text as it was sent that names somebody: texts without it are passed over at once."""


def normalise_identifiers(texts: pl.Series) -> pl.Series:
    """Normalise texts: numbers to their digits, other texts to lower case without blanks around them.

    Of several hashes the first is that of the text. A text that is no address, no hash and has too few digits for a
    number names nobody, and becomes null.
    """
    named = _named(simplify_characters(pl.col("text")).str.to_lowercase())
    is_somebody = named.str.contains(_SOMEBODY)
    return pl.DataFrame({"text": texts}).select(pl.when(is_somebody).then(named).alias(texts.name)).to_series()


def _named(plain: pl.Expr) -> pl.Expr:
    text = plain.str.strip_chars(BLANKS)
    is_number = text.str.contains(_NUMBER)
    first_hash = text.str.extract(_HASHED)
    return pl.coalesce(reduce_to_digits(pl.when(is_number).then(text)), first_hash, pl.when(~is_number).then(text))


def find_identifiers(texts: pl.Series) -> pl.DataFrame:
    """Find the addresses and numbers in texts, in any form that people and JSON give them, and their hashes.

    Returns `text`, `identifier` as `normalise_identifiers` writes it, and whether it `is_whole`: all that the text
    holds, or the first of its hashes. A part of a longer word is left out: jan@x.be in marjan@x.be, or seven digits of
    an id; not so of a query, as jan@x.be in to=jan@x.be, which could also be an address.
    """
    text = pl.col("text")
    candidates = pl.DataFrame({"text": texts}).drop_nulls().unique().filter(text.str.contains(_MAY_NAME))
    is_plain = text.str.contains(_PLAIN)
    plain = candidates.filter(is_plain).select(
        text, text.str.strip_prefix("+").alias("identifier"), is_whole=pl.lit(value=True)
    )
    others = _with_inner_texts(candidates.filter(~is_plain)).with_columns(_simplified(pl.col("plain")).alias("plain"))
    whole = others.with_columns(_named(pl.col("plain")).str.extract(_WHOLE).alias("identifier"))
    may_be_query = pl.col("identifier").str.contains("[=?/]")
    parts = _parts(whole.filter(pl.col("identifier").is_null() | may_be_query))
    first = others.select("text", text.str.extract(_HASHED).alias("identifier"))
    whole = pl.concat([whole.select("text", "identifier"), first]).drop_nulls().unique()
    parts = parts.unique().join(whole, on=["text", "identifier"], how="anti")
    return pl.concat(
        [plain, whole.with_columns(is_whole=pl.lit(value=True)), parts.with_columns(is_whole=pl.lit(value=False))]
    )


def _with_inner_texts(texts: pl.DataFrame) -> pl.DataFrame:
    """Give each text as `plain`, and once more for each JSON text in it that is written within a JSON text."""
    plain, levels = pl.col("plain"), [texts.with_columns(pl.col("text").alias("plain"))]
    for _ in range(MAX_INNER_TEXTS):
        outer = levels[-1].filter(plain.str.contains(r"\\", literal=True))
        levels.append(outer.with_columns(plain.str.replace_many([r"\\", r"\""], ["\\", '"'])))
    return pl.concat(levels)


def _parts(texts: pl.DataFrame) -> pl.DataFrame:
    """Find addresses, numbers and hashes within texts that hold more than one of these."""
    addresses = _extract_all(texts, _ADDRESS).with_columns(
        pl.col("identifier").str.strip_chars_start(_AROUND_ADDRESSES)
    )
    no_words = reduce(lambda text, other: text.str.replace_all(other, ";"), _NO_NUMBERS, pl.col("plain"))
    without_words = texts.with_columns(no_words)
    numbers = _numbers(_extract_all(without_words, _RUN), _extract_all(without_words, _RUN_OVER_LINES))
    return pl.concat([addresses, numbers, _extract_all(texts, _HASH)])


def _extract_all(texts: pl.DataFrame, pattern: str) -> pl.DataFrame:
    """Find all matches of a pattern in the column `plain`."""
    matches = texts.select("text", pl.col("plain").str.extract_all(pattern).alias("identifier"))
    return matches.explode("identifier").drop_nulls()


def _numbers(runs: pl.DataFrame, over_lines: pl.DataFrame) -> pl.DataFrame:
    """Find the phone numbers among digits and the signs between them, of a line and of several.

    What is too long for a number may be several.
    """
    run = pl.col("identifier")
    is_long = run.str.count_matches("[0-9]") > MAX_DIGITS
    several = [runs.filter(is_long).with_columns(run.str.split(sign)).explode("identifier") for sign in "/ "]
    numbers = pl.concat([runs.filter(~is_long), over_lines.filter(~is_long), *several]).with_columns(
        reduce_to_digits(run)
    )
    return numbers.filter(run.str.len_bytes().is_between(MIN_DIGITS, MAX_DIGITS))


def _simplified(text: pl.Expr) -> pl.Expr:
    """Put texts in lower case, with one kind of blank, and decode the escapes of JSON and of addresses in links."""
    has_escapes = text.str.contains(_ESCAPE_OF_A_PART) & text.str.contains(_JSON_TEXT)
    literal = text.str.replace_many([r"\\", r"\"", '"'], [";", ";", ";"]).str.replace_all(_NO_LETTER, ";")
    decoded = pl.concat_str(pl.lit('"'), pl.when(has_escapes).then(literal), pl.lit('"')).str.json_decode(pl.String)
    plain = pl.coalesce(decoded, text).str.replace_all("\\/", "/", literal=True)
    plain = plain.map_batches(_decode_links, return_dtype=pl.String)
    return simplify_characters(plain).str.replace_all(f"[{_BLANKS_IN_A_LINE}]", " ").str.to_lowercase()


def _decode_links(texts: pl.Series) -> pl.Series:
    """Decode what links have percent-encoded, also links in them, and the + that stands for a blank in a number."""
    places = texts.str.contains(_OF_LINKS).arg_true()
    links = [_PLUS_FOR_A_BLANK.sub(" ", link) if "://" in link else link for link in texts.gather(places)]
    return texts.scatter(places, [unquote(unquote(link)) for link in links])


def simplify_characters(text: pl.Expr) -> pl.Expr:
    """Remove invisible characters, and replace characters that mean the same by one of them."""
    return text.str.replace_many([*WRITTEN_AS, *INVISIBLE], [*WRITTEN_AS.values(), *[""] * len(INVISIBLE)])


def reduce_to_digits(number: pl.Expr) -> pl.Expr:
    """Reduce phone numbers to the digits by which they are compared: the country first, or else their 0."""
    without_trunk_zero = number.str.replace_all(_TRUNK_ZERO, "${1}")
    return without_trunk_zero.str.replace_all(_BETWEEN_DIGITS, "").str.replace(_BEFORE_THE_COUNTRY, "")


def identity_in_sql(text: str) -> str:
    """Write `normalise_identifiers` in SQL, for a text; one in the usual form takes a tenth of the time."""
    come_from, become = "".join(WRITTEN_AS) + INVISIBLE, "".join(WRITTEN_AS.values())
    is_ascii = f"strlen({text}) = length({text})"
    simplified = f"translate({text}, {quoted_text(come_from)}, {quoted_text(become)})"
    ascii_blanks = "".join(filter(str.isascii, BLANKS))
    plain = f"trim({simplified}, {quoted_text(BLANKS)})"
    plain = f"lower(CASE WHEN {is_ascii} THEN trim({text}, {quoted_text(ascii_blanks)}) ELSE {plain} END)"
    has_letter = f"({text} >= 'A' OR {text} >= '0' AND lower({text}) <> upper({text}))"
    has_signs = f"regexp_matches({text}, {quoted_text(f'[{come_from}{BLANKS}]')})"
    digits = f"regexp_replace({plain}, {quoted_text(_TRUNK_ZERO)}, '\\1', 'g')"
    digits = f"regexp_replace({digits}, {quoted_text(_BETWEEN_DIGITS)}, '', 'g')"
    digits = f"regexp_replace({digits}, {quoted_text(_BEFORE_THE_COUNTRY)}, '')"
    number = f"nullif(regexp_extract({digits}, '^[0-9]{{{MIN_DIGITS},}}$'), '')"
    at = f"contains({text}, '@')"
    starts_plain = f"({text} >= 'A' OR {text} >= '0' AND {text} < '@')"
    without_ends = f"NOT starts_with({text}, '@') AND NOT ends_with({text}, '@')"
    is_word = f"NOT contains({text}, ' ') AND substring({text}, -1) > ' '"
    between = f"[^@{ascii_blanks}]"
    return (
        f"CASE WHEN {text} IS NULL THEN NULL "
        f"WHEN {is_ascii} AND {at} AND substring({text}, -1) > '@' AND {starts_plain} THEN lower({text}) "
        f"WHEN NOT {is_ascii} AND {at} AND {without_ends} AND NOT {has_signs} THEN lower({text}) "
        f"WHEN strlen({text}) = {_HASH_LENGTH} AND {is_ascii} AND {is_word} AND {has_letter} THEN lower({text}) "
        f"WHEN regexp_full_match({text}, '\\+?[1-9][0-9]{{{MIN_DIGITS - 1},}}') THEN ltrim({text}, '+') "
        f"WHEN {is_ascii} AND strlen({text}) < {MIN_DIGITS} AND NOT {at} THEN NULL "
        f"WHEN {is_ascii} AND {at} AND regexp_matches({text}, {quoted_text(f'{between}@+{between}')}) THEN {plain} "
        f"WHEN regexp_matches({plain}, {quoted_text(_NUMBER)}) THEN {number} "
        f"WHEN strlen({text}) > {_HASH_LENGTH} AND regexp_matches({plain}, {quoted_text(_HASHED)}) "
        f"THEN left({plain}, {_HASH_LENGTH}) "
        f"WHEN regexp_matches({plain}, {quoted_text(_SOMEBODY)}) THEN {plain} END"
    )
