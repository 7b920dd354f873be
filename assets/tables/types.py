"""The column types: what an API value must look like to become a value of a column.

Each type is one `Annotated` alias that carries both readings of the same rule: pydantic's, which explains one
record, and polars', which reads whole columns. A value is read exactly or not at all: nothing is rounded,
truncated, guessed or turned into null.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

EMPTY = ("", "0000-00-00 00:00:00")
"""Texts by which the API says "nothing here"; they become null (API.md, section 8, item 7)."""

EMPTY_DATE = "0000-00-00"
"""The same in columns of dates and times."""


@dataclass(frozen=True)
class ColumnType:
    """How a column is stored, and how polars reads it from the text of an API value.

    `pattern` is matched against the whole text in Rust's and in Python's regex dialect alike; `parse` gives null
    for a text that it cannot read, so that "text there, value null" is exactly the set of rejected values.
    """

    sql: str
    dtype: pl.DataType
    pattern: str | None
    parse: Callable[[pl.Expr], pl.Expr]
    empty: tuple[str, ...] = EMPTY
    is_exact: bool = False
    """Whether `parse` itself rejects every text that does not match the pattern."""

    def read(self, text: pl.Expr) -> pl.Expr:
        """Typed values of a column of texts; null where the text is null or is not a value of this type."""
        if self.pattern is None or self.is_exact:
            return self.parse(text)
        return self.parse(pl.when(text.str.contains(f"^(?:{self.pattern})$")).then(text))

    def read_tokens(self, tokens: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return the values of JSON tokens, and where a token can be read: also where it is missing, null or empty."""
        text, is_unfit = self.texts_of(tokens)
        filled = pl.select(pl.when(~text.is_in(self.empty)).then(text)).to_series()
        values = pl.select(self.read(pl.lit(filled))).to_series()
        return values, ~is_unfit & (filled.is_null() | values.is_not_null())

    def texts_of(self, tokens: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return the texts of JSON tokens, and where a token is of a JSON type that the column cannot take."""
        if tokens.null_count() == len(tokens):  # true of most columns of a page, and the rest is slow
            return tokens, tokens.is_not_null()
        json = pl.col("json")
        is_string = json.str.starts_with('"').fill_null(value=False)
        is_number = json.str.contains("^[-0-9]").fill_null(value=False)
        fits = is_string | is_number
        if self.pattern is not None:
            fits = fits | json.is_in(["true", "false"]).fill_null(value=False)
        columns = pl.DataFrame({"json": tokens}).select(
            text=pl.when(is_string).then(json.str.head(-1).str.tail(-1)).when(fits).then(json),
            is_escaped=is_string & json.str.contains("\\", literal=True),
            is_unfit=(json != "null").fill_null(value=False) & ~fits,
        )
        text, escaped = columns["text"], columns["is_escaped"].arg_true()
        if len(escaped):
            decoded = msgspec.json.decode(f"[{','.join(tokens.gather(escaped))}]", type=list[str])
            text = text.scatter(escaped, decoded)
        return text, columns["is_unfit"]


def _rule(expected: str, pattern: str, accepted: tuple[type, ...]) -> BeforeValidator:
    """Make pydantic's validator for a pattern; values of the `accepted` JSON types are matched by their text."""
    matcher = re.compile(pattern, re.ASCII)

    def check(value: Any) -> Any:  # noqa: ANN401  (a JSON value of any type)
        text = _text(value, accepted)
        if text is None or not matcher.fullmatch(text):
            raise PydanticCustomError("form", "Input should be {expected}", {"expected": expected})
        return text

    return BeforeValidator(check)


def _text(value: Any, accepted: tuple[type, ...]) -> str | None:  # noqa: ANN401  (a JSON value of any type)
    if isinstance(value, str):
        return value
    if type(value) not in accepted:
        return None
    return str(value).lower() if isinstance(value, bool) else format(value, "")


def _text_of_at_most(most: int) -> BeforeValidator:
    def check(value: Any) -> Any:  # noqa: ANN401  (a JSON value of any type)
        text = _text(value, (int,))
        if text is None:
            raise PydanticCustomError("form", "Input should be a text or a number")
        if len(text.encode("utf-8", "surrogatepass")) > most:
            raise PydanticCustomError("form", "Input should be a text of at most {most} bytes", {"most": most})
        return text

    return BeforeValidator(check)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("form", "Input should be a text without the character U+0000")
    return text


def _text_column(most: int) -> ColumnType:
    return ColumnType("VARCHAR", pl.String(), None, lambda text: pl.when(text.str.len_bytes() <= most).then(text))


MAX_TEXT = 1_000_000
"""The longest text of a column, in bytes of UTF-8; no analyst wants to see a longer one in a table."""

MAX_ID_BYTES = 2_000
"""The longest id, in bytes of UTF-8; a longer one would not fit into the URL of a request."""


def is_id(text: pl.Expr) -> pl.Expr:
    """Say which texts can be ids: PostgreSQL, and with it a lake, can look up none that has U+0000."""
    return (text.str.len_bytes() <= MAX_ID_BYTES) & ~text.str.contains("\0", literal=True)


_INTEGER = r"-?(?:0|[1-9][0-9]{0,18})"
_AMOUNT = r"-?[0-9]{1,14}(?:\.[0-9]{1,4}0*)?"
_TIMESTAMP = r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2} [0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
_ZONED = _TIMESTAMP.replace(" ", "[ T]") + r"(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_DATE = r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_FLAG = r"0|1|true|false"


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except OverflowError:
        raise PydanticCustomError("form", "Input should be a time before the year 10000 in UTC") from None


def _read_zoned(text: pl.Expr) -> pl.Expr:
    """Read times with and without a zone: the ones without get UTC's, so that one format fits all."""
    plain = text.str.replace("T", " ", literal=True).str.replace("Z$", "+0000")
    zoned = pl.when(plain.str.contains("[+-][0-9]{2}:?[0-9]{2}$")).then(plain).otherwise(plain + "+0000")
    moment = zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)
    return pl.when(moment.dt.year() <= MAXYEAR).then(moment.dt.replace_time_zone(None))


def _read_flag(text: pl.Expr) -> pl.Expr:
    is_true, is_false = ((text == digit) | (text == word) for digit, word in (("1", "true"), ("0", "false")))
    return pl.when(is_true | is_false).then(is_true)


def _timestamp_column() -> ColumnType:
    def parse(text: pl.Expr) -> pl.Expr:
        return text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False, cache=False)

    return ColumnType("TIMESTAMP", pl.Datetime("us"), _TIMESTAMP, parse, (*EMPTY, EMPTY_DATE))


Text = Annotated[str, _text_of_at_most(MAX_TEXT), _text_column(MAX_TEXT)]
Id = Annotated[
    str,
    _text_of_at_most(MAX_ID_BYTES),
    AfterValidator(_without_nul),
    ColumnType("VARCHAR", pl.String(), None, lambda text: pl.when(is_id(text)).then(text)),
]
Integer = Annotated[
    int,
    Field(ge=-(2**63), lt=2**63),
    _rule("a whole number of at most 19 digits, without leading zeros", _INTEGER, (int,)),
    ColumnType("BIGINT", pl.Int64(), _INTEGER, lambda text: text.cast(pl.Int64, strict=False)),
]
Amount = Annotated[
    Decimal,
    _rule("an amount of at most 14 digits before and 4 after the point", _AMOUNT, (int,)),
    ColumnType("DECIMAL(18,4)", pl.Decimal(18, 4), _AMOUNT, lambda text: text.cast(pl.Decimal(18, 4), strict=False)),
]
Timestamp = Annotated[datetime, _rule("a UTC time written YYYY-MM-DD HH:MM:SS", _TIMESTAMP, ()), _timestamp_column()]
LocalTimestamp = Annotated[
    datetime, _rule("a local time written YYYY-MM-DD HH:MM:SS", _TIMESTAMP, ()), _timestamp_column()
]
ZonedTimestamp = Annotated[
    datetime,
    _rule("a time in the form of ISO 8601, UTC where it names no zone", _ZONED, ()),
    AfterValidator(_in_utc),
    ColumnType("TIMESTAMP", pl.Datetime("us"), _ZONED, _read_zoned, (*EMPTY, EMPTY_DATE)),
]
Date = Annotated[
    date,
    _rule("a date written YYYY-MM-DD", _DATE, ()),
    ColumnType("DATE", pl.Date(), _DATE, lambda text: text.str.to_date("%Y-%m-%d", strict=False), (*EMPTY, EMPTY_DATE)),
]
Flag = Annotated[
    bool,
    _rule("0, 1, true or false", _FLAG, (int, bool)),
    ColumnType("BOOLEAN", pl.Boolean(), _FLAG, _read_flag, is_exact=True),
]
