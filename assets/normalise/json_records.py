"""Splits the JSON of a page into its records, and of a record into its fields, as the API sent them."""

from typing import Any

import msgspec

from resources.coupontools.lone_surrogates import cut_tokens, replace_lone_surrogates
from resources.coupontools.nesting import MAX_DEPTH, is_deep
from resources.coupontools.repeated_keys import rename_repeated_names

_TOO_DEEP = f"the record holds more than {MAX_DEPTH} objects or lists inside each other"

# numbers with a point or an exponent stay texts, as on the page and in the columns
_DECODER = msgspec.json.Decoder(float_hook=str)


class IllegibleError(Exception):
    """A record cannot be read; the text says why."""


def decode_record(record: bytes) -> Any:  # noqa: ANN401  (a JSON value of any type)
    """Decode a record. Raises IllegibleError."""
    try:
        value = _DECODER.decode(record)
    except RecursionError:
        raise IllegibleError(_TOO_DEEP) from None
    except msgspec.ValidationError:
        raise IllegibleError("the record holds a whole number of thousands of digits") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise IllegibleError(
            "the record holds a text that is not Unicode (a broken byte or half a surrogate pair)"
        ) from None
    if is_deep(value):
        raise IllegibleError(_TOO_DEEP)
    return value


def split_records(records: bytes) -> list[bytes]:
    """Split a JSON array into its records, each as the API sent it."""
    try:
        return [bytes(record) for record in msgspec.json.decode(records, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError):
        readable = replace_lone_surrogates(records)
        return cut_tokens(records, readable, map(bytes, msgspec.json.decode(readable, type=list[msgspec.Raw])))


def split_fields(record: bytes) -> dict[str, msgspec.Raw]:
    """Return the fields of a record. Raises IllegibleError, and msgspec.ValidationError if it is no object."""
    return msgspec.json.decode(rename_repeated_names(record, decode_record(record)), type=dict[str, msgspec.Raw])
