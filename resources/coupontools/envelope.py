"""The envelope around an answer: whether it is one at all, the error it may carry, and the record list in it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from resources.coupontools.surrogates import mended

NO_RECORDS = b"[]"


class ShapeError(Exception):
    """The body is no answer of this API; the text says what it is instead, in keys and types, without values."""


class Failure(NamedTuple):
    """An error as the API words it (shapes E1, E2 and E3; API facts, section 3.2)."""

    codes: frozenset[int]
    message: str


class Answer(NamedTuple):
    """A good answer: the JSON array of its records as bytes, and `amount_of_results` where it is given."""

    records: bytes
    amount: int | None


def opened(body: bytes, list_key: str) -> Answer | Failure:
    """Open the envelope of a v3 answer. Raises ShapeError if there is none."""
    fields = _fields(body)
    status = _decoded(fields.get("status"))
    word = status.get("status") if isinstance(status, dict) else None
    if not isinstance(word, str):
        raise ShapeError(f"an object without status.status, but with {_keys(fields)}")
    if word.casefold() != "ok":
        return _failure(status.get("errors") or _decoded(fields.get("errors")))
    return Answer(_records(fields, list_key), _amount(_decoded(fields.get("amount_of_results"))))


def _fields(body: bytes) -> Mapping[str, bytes]:
    """The top-level fields as they stand in the body."""
    try:
        found = _top(body)
    except msgspec.ValidationError:
        raise ShapeError("JSON, but no object") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _fields_around_surrogates(body)
    return {name: bytes(value) for name, value in found.items()}


def _top(body: bytes) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(body, type=dict[str, msgspec.Raw])


def _fields_around_surrogates(body: bytes) -> Mapping[str, bytes]:
    readable = mended(body)
    try:
        found = _top(readable)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ShapeError("an empty body" if not body.strip() else "no JSON, or cut off") from None
    fields, position = {}, 0
    for name, value in found.items():
        token = bytes(value)
        position = readable.index(token, position)
        fields[name] = body[position : position + len(token)]
        position += len(token)
    return fields


def _decoded(token: bytes | None) -> Any:  # noqa: ANN401  (a JSON value of any type)
    if token is None:
        return None
    try:
        return msgspec.json.decode(token)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _records(fields: Mapping[str, bytes], list_key: str) -> bytes:
    """The record list: under its documented key, else the one array of objects beside `status`."""
    found = fields.get(list_key)
    if found is not None:
        return _as_list(found, list_key)
    arrays = [
        value for name, value in fields.items() if name not in ("status", "errors") and _is_array_of_objects(value)
    ]
    if len(arrays) == 1:
        return arrays[0]
    if not arrays and not fields.keys() - {"status", "amount_of_results"}:
        return NO_RECORDS
    raise ShapeError(f"an object without the list {list_key}, but with {_keys(fields)}")


def _as_list(token: bytes, list_key: str) -> bytes:
    if token[:1] == b"[":
        return token
    if token in (b"null", b'""', b"{}"):
        return NO_RECORDS
    if token[:1] == b"{":
        return b"[" + token + b"]"
    raise ShapeError(f"an object whose {list_key} is neither a list nor an object")


def _is_array_of_objects(token: bytes) -> bool:
    return token[:1] == b"[" and token[1:].lstrip()[:1] == b"{"


def _amount(value: object) -> int | None:
    text = str(value)
    return int(text) if isinstance(value, int | str) and text.isascii() and text.isdigit() else None


def _failure(errors: object) -> Failure:
    known = errors if isinstance(errors, dict) else {}
    raw_codes = known.get("error_code")
    codes = raw_codes if isinstance(raw_codes, list) else [raw_codes]
    details = known.get("error_message_description") or known.get("error_message") or "no reason given"
    message = " ".join(str(each) for each in details) if isinstance(details, list) else str(details)
    return Failure(frozenset(int(code) for code in map(str, codes) if code.isascii() and code.isdigit()), message)


def _keys(fields: Mapping[str, bytes]) -> str:
    kinds = {b"{": "object", b"[": "list", b'"': "text", b"t": "flag", b"f": "flag", b"n": "null"}
    return ", ".join(f"{name} ({kinds.get(value[:1], 'number')})" for name, value in fields.items()) or "no fields"
