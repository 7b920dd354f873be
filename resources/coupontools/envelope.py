"""The envelope around an answer: whether it is one at all, the error it may carry, and the record list in it.

In v3 the payload stands beside an object `status`; v4 answers with a bare list or object (API facts, section 3.1).
What is undocumented is read by one rule: the records are the one list of objects beside `status`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from resources.coupontools.endpoints import Endpoint
from resources.coupontools.surrogates import mended

T = TypeVar("T")

NO_RECORDS = b"[]"
BOM = b"\xef\xbb\xbf"
_EMPTY, _LIST_OF_OBJECTS = re.compile(rb"\[\s*\]|\{\s*\}"), re.compile(rb"\[\s*[{\]]")
_IDS = ("ID", "id")
_BESIDE_A_LIST = ("action", "campaign", "directory", "group_id", "loyaltycard", "page")
"""Scalars that stand beside a record list, or alone where it is empty and left out."""

_ABOUT_PAGES = ("pagination", "paging", "meta")
_TOTALS = ("total", "total_count", "total_results")


class ShapeError(Exception):
    """The body is no answer of this API."""


class Failure(NamedTuple):
    """An error as the API words it (shapes E1, E2 and E3; API facts, section 3.2)."""

    codes: frozenset[int]
    message: str


class Answer(NamedTuple):
    """A good answer: the JSON array of its records as bytes, and the number of records that it announces, if any.

    `place` is the key under which the records were, empty for a bare list or object.
    """

    records: bytes
    amount: int | None
    place: str = ""


def opened(body: bytes, endpoint: Endpoint) -> Answer | Failure:
    """Open the envelope of an answer. Raises ShapeError if it is none, or holds no records that can be told."""
    is_v4 = endpoint.version == "v4"
    text = body.removeprefix(BOM).strip()
    if is_v4 and text[:1] == b"[":
        if not _is_list_of_objects(text):
            raise ShapeError
        return Answer(text, None)
    fields = _fields(text)
    status = _decoded(fields.get("status"))
    word = status.get("status") if isinstance(status, dict) else None
    if isinstance(word, str) and word.casefold() != "ok":
        return _failure(status.get("errors") or _decoded(fields.get("errors")))
    if not isinstance(word, str) and not is_v4:
        raise ShapeError
    payload = {name: value for name, value in fields.items() if name != "status" or word is None}
    records, place = _records(payload, endpoint)
    return Answer(records, _announced(payload), place)


def decoded(
    endpoint: Endpoint,
    is_client_error: bool,
    decode: Callable[[Answer, datetime], T],
    asked_at: datetime,
    body: bytes,
) -> T | Failure:
    """What `decode` makes of a good answer, or the error that it carries. Raises ShapeError."""
    answer = opened(body, endpoint)
    if isinstance(answer, Failure):
        return answer
    if is_client_error:
        raise ShapeError
    return decode(answer, asked_at)


def _fields(body: bytes) -> Mapping[str, bytes]:
    """The top-level fields as they stand in the body."""
    try:
        found = _top(body)
    except msgspec.ValidationError:
        raise ShapeError from None
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
        raise ShapeError from None
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


def _records(payload: Mapping[str, bytes], endpoint: Endpoint) -> tuple[bytes, str]:
    """The record list and where it was: its documented key, else the one list of objects; a lone object counts."""
    if endpoint.records and endpoint.records in payload:
        return _as_list(payload[endpoint.records]), endpoint.records
    lists = [name for name, value in payload.items() if value[:1] == b"[" and _is_list_of_objects(value)]
    filled = [name for name in lists if not _is_empty(payload[name])]
    if any(name in payload for name in _IDS) and (endpoint.one or not lists):
        return b"[" + msgspec.json.encode({name: msgspec.Raw(value) for name, value in payload.items()}) + b"]", ""
    objects = [name for name, value in payload.items() if value[:1] == b"{" and _is_identified(value)]
    candidates = filled or objects
    if len(candidates) == 1:
        return _as_list(payload[candidates[0]]), candidates[0]
    if not candidates and _says_nothing(payload):
        return NO_RECORDS, lists[0] if lists else ""
    raise ShapeError


def _says_nothing(payload: Mapping[str, bytes]) -> bool:
    """Whether an answer without records is one that has none, and not one of another shape."""
    empty_lists = [name for name, value in payload.items() if value[:1] == b"[" and _is_empty(value)]
    left = {name: _decoded(value) for name, value in payload.items() if name not in _BESIDE_A_LIST}
    return len(empty_lists) == 1 or all(map(_is_nothing, left.values()))


def _is_nothing(value: Any) -> bool:  # noqa: ANN401  (a JSON value of any type)
    """Whether a JSON value is empty, zero, or made of such: a count of no records, a page of none."""
    if isinstance(value, dict):
        return all(map(_is_nothing, value.values()))
    return not value or value == "0"


def _is_empty(token: bytes) -> bool:
    return _EMPTY.match(token) is not None


def _as_list(token: bytes) -> bytes:
    if token[:1] == b"[":
        return token
    if token in (b"null", b'""') or _is_empty(token):
        return NO_RECORDS
    if token[:1] == b"{":
        return b"[" + token + b"]"
    raise ShapeError


def _is_list_of_objects(token: bytes) -> bool:
    return _LIST_OF_OBJECTS.match(token) is not None


def _is_identified(token: bytes) -> bool:
    return any(name in _fields(token) for name in _IDS)


def _announced(payload: Mapping[str, bytes]) -> int | None:
    """How many records there are in all or on the page, as amount_of_… or a total beside them says."""
    beside = {name: _decoded(value) for name, value in payload.items() if value[:1] != b"["}
    groups = [beside, *(beside[name] for name in _ABOUT_PAGES if isinstance(beside.get(name), dict))]
    numbers = [
        number
        for group in groups
        for name, value in group.items()
        if (name.startswith("amount_of_") or name in _TOTALS) and (number := _number(value)) is not None
    ]
    return numbers[0] if numbers else None


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if isinstance(value, int | str) and text.isascii() and text.isdigit() else None


def _failure(errors: object) -> Failure:
    known = errors if isinstance(errors, dict) else {}
    raw_codes = known.get("error_code")
    codes = raw_codes if isinstance(raw_codes, list) else [raw_codes]
    details = known.get("error_message_description") or known.get("error_message") or "no reason given"
    message = " ".join(str(each) for each in details) if isinstance(details, list) else str(details)
    return Failure(frozenset(int(code) for code in map(str, codes) if code.isascii() and code.isdigit()), message)
