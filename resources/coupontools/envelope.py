"""Parses the envelope of an answer: checks that it is one, and finds the error or the record list in it.

In v3 the payload is beside an object `status`; v4 answers with a bare list or object (API.md, section 3.1). What is
undocumented is read by one rule: the records are the one list of objects beside `status`. An object whose names are all
numbers is a list, too: PHP writes one with gaps like that.
"""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from resources.coupontools.endpoints import Endpoint
from resources.coupontools.errors import ShapeError
from resources.coupontools.lone_surrogates import cut_tokens, replace_lone_surrogates
from resources.coupontools.repeated_keys import split_members

NO_RECORDS = b"[]"
BOM = b"\xef\xbb\xbf"
_EMPTY, _LIST_OF_OBJECTS = re.compile(rb"\[\s*\]|\{\s*\}"), re.compile(rb"\[\s*[{\]]")
_NUMBERED = re.compile(rb'\{\s*"[0-9]+"\s*:\s*\{')
_IDS = ("ID", "id")
_SCALARS_OF_A_LIST = ("action", "campaign", "directory", "group_id", "loyaltycard", "page")
"""Scalars that may stand beside a record list, or alone where an empty list is left out."""

_PAGE_OBJECTS = ("pagination", "paging", "meta")
_TOTALS = ("total", "total_count", "total_results")
_SOME_RECORDS = b"[{}]"
_MIN_BYTES_SKIPPED = 50_000
"""Minimum bytes of records for which it saves time not to parse them twice."""

_MAX_DIGITS = 18
"""A longer number is neither a count of records nor an error code."""


class Failure(NamedTuple):
    """An error as the API words it (shapes E1, E2 and E3; section 3.2)."""

    codes: frozenset[int]
    message: str


class Answer(NamedTuple):
    """A good answer."""

    records: bytes
    """The JSON array of its records."""
    announced: int | None
    """The number of records that it announces, if any."""
    records_key: str = ""
    """The key under which the records were; empty for a bare list or object."""


def parse_envelope(body: bytes, endpoint: Endpoint, page: int = 1) -> Answer | Failure:
    """Parse the envelope of an answer, which is that page of a list.

    Raises ShapeError if there is none, or if its records cannot be identified.
    """
    is_v4 = endpoint.version == "v4"
    text = body.removeprefix(BOM).strip()
    if is_v4:
        text = _list_numbered(text)
    if is_v4 and text[:1] == b"[":
        if not _is_list_of_objects(text):
            raise ShapeError
        return Answer(text, None)
    pairs = _split_fields(text)
    fields = dict(pairs)
    status = _decode(fields.get("status"))
    word = status.get("status") if isinstance(status, dict) else None
    if isinstance(word, str) and word.casefold() != "ok":
        return _parse_failure(status.get("errors") or _decode(fields.get("errors")))
    if not isinstance(word, str) and not is_v4:
        raise ShapeError
    payload = {name: _list_numbered(value) for name, value in fields.items() if name != "status" or word is None}
    repeated = _find_repeated(pairs)
    if _is_record(payload, endpoint) and not repeated - payload.keys():
        record = [(name, value) for name, value in pairs if name in payload]
        return Answer(b"[" + _join_fields(record) + b"]", _read_announced(payload))
    if repeated:
        raise ShapeError
    records, key = _find_records(payload, endpoint, page)
    return Answer(records, _read_announced(payload), key)


def parse_answer(body: bytes, status: int, endpoint: Endpoint, page: int = 1) -> Answer | Failure:
    """Parse an answer with this HTTP status; one without content has no records. Raises ShapeError."""
    answer = Answer(NO_RECORDS, None) if status == HTTPStatus.NO_CONTENT else parse_envelope(body, endpoint, page)
    if isinstance(answer, Answer) and 400 <= status < 500:
        raise ShapeError
    return answer


def parse_around_records(body: bytes, status: int, endpoint: Endpoint) -> Answer | None:
    """Parse a large good answer without parsing its records, taken to be everything from its first `[` to its last `]`.

    Returns None where that cannot be. If the records turn out to be no JSON array, the answer holds another list.
    """
    first, end = body.find(b"["), body.rfind(b"]") + 1
    if end - first < _MIN_BYTES_SKIPPED or not _is_list_of_objects(body[first : first + _MIN_BYTES_SKIPPED]):
        return None
    try:
        answer = parse_answer(body[:first] + _SOME_RECORDS + body[end:], status, endpoint)
    except ShapeError:
        return None
    if isinstance(answer, Failure) or answer.records != _SOME_RECORDS:
        return None
    return answer._replace(records=body[first:end])


def _split_fields(body: bytes) -> list[tuple[str, bytes]]:
    """Return the top-level fields in the order of the body, repeated names included."""
    try:
        return split_members(body)
    except msgspec.ValidationError:
        raise ShapeError from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _split_unreadable_fields(body)


def _split_unreadable_fields(body: bytes) -> list[tuple[str, bytes]]:
    readable = replace_lone_surrogates(body)
    try:
        members = split_members(readable)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ShapeError from None
    tokens = cut_tokens(body, readable, (token for _, token in members))
    return [(name, token) for (name, _), token in zip(members, tokens, strict=True)]


def _list_numbered(token: bytes) -> bytes:
    """Turn an object whose names are all numbers into the list of its values; any other value stays as it is."""
    if not _NUMBERED.match(token):
        return token
    members = _split_fields(token)
    is_list = all(name.isascii() and name.isdigit() and value[:1] == b"{" for name, value in members)
    return b"[" + b",".join(value for _, value in members) + b"]" if is_list else token


def _find_repeated(pairs: Sequence[tuple[str, bytes]]) -> set[str]:
    """Return the names that have more than one value."""
    values = dict(pairs)
    return {name for name, value in pairs if value != values[name]}


def _join_fields(pairs: Sequence[tuple[str, bytes]]) -> bytes:
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + value for name, value in pairs) + b"}"


def _decode(token: bytes | None) -> Any:  # noqa: ANN401  (a JSON value of any type)
    """Decode a value, None if it cannot be read; integers of more than `_MAX_DIGITS` stay texts."""
    try:
        return json.loads(replace_lone_surrogates(token), parse_int=_parse_integer) if token else None
    except (ValueError, RecursionError):
        return None


def _parse_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _is_record(payload: Mapping[str, bytes], endpoint: Endpoint) -> bool:
    """Whether the answer itself is the single record, and not an envelope around a list."""
    ids = (*_IDS, endpoint.identified_by)
    if endpoint.records in payload or not any(name in payload for name in ids):
        return False
    return endpoint.one or not any(map(_is_list_of_objects, payload.values()))


def _find_records(payload: Mapping[str, bytes], endpoint: Endpoint, page: int) -> tuple[bytes, str]:
    """Find the record list and its key: the documented one, else the one list of objects; a lone object counts."""
    if endpoint.records and endpoint.records in payload:
        return _as_list(payload[endpoint.records]), endpoint.records
    lists = [name for name, value in payload.items() if _is_list_of_objects(value)]
    filled = [name for name in lists if not _is_empty(payload[name])]
    if (empty := _find_counted_empty(payload, filled)) is not None:
        return NO_RECORDS, empty
    objects = [name for name, value in payload.items() if value[:1] == b"{" and _is_identified(value)]
    candidates = filled or objects
    if len(candidates) == 1:
        return _as_list(payload[candidates[0]]), candidates[0]
    if not candidates and (_has_no_records(payload) or (page > 1 and _has_no_records(_without_counts(payload)))):
        return NO_RECORDS, lists[0] if lists else ""
    raise ShapeError


def _find_counted_empty(payload: Mapping[str, bytes], filled: Sequence[str]) -> str | None:
    """Return the name of the empty list of an answer whose counts are all zero, or None if there is no such list.

    Where another list holds records with an id, a count must be named after the empty list.
    """
    counts = _read_counts(payload)
    empty = [name for name, value in payload.items() if _is_empty(value)]
    if not empty or not counts or any(counts.values()):
        return None
    things = [count.removeprefix("amount_of_").removesuffix("s") for count in counts if count not in _TOTALS]
    named = [name for name in empty if any(name.startswith(thing) for thing in things)]
    others = any(_is_identified(item) for name in filled for item in _first_item(payload[name]))
    return (named or empty)[0] if named or not others else None


def _has_no_records(payload: Mapping[str, bytes]) -> bool:
    """Whether an answer in which no records were found is an empty one, and not one of an unknown shape."""
    empty_lists = [name for name, value in payload.items() if value[:1] == b"[" and _is_empty(value)]
    left = {name: _decode(value) for name, value in payload.items() if name not in _SCALARS_OF_A_LIST}
    counts = _read_counts(payload)
    is_counted = bool(counts) and not any(counts.values())
    return len(empty_lists) == 1 or is_counted or all(map(_is_empty_value, left.values()))


def _without_counts(payload: Mapping[str, bytes]) -> dict[str, bytes]:
    """Leave out the counts of records: on a page past the end of a list they may be those of the whole list."""
    counts = {*_read_counts(payload), *_PAGE_OBJECTS}
    return {name: value for name, value in payload.items() if name not in counts}


def _is_empty_value(value: Any) -> bool:  # noqa: ANN401  (a JSON value of any type)
    """Whether a JSON value is empty or zero, or an object of such values only."""
    if isinstance(value, dict):
        return all(map(_is_empty_value, value.values()))
    return not value or value == "0"


def _is_empty(token: bytes) -> bool:
    return _EMPTY.match(token) is not None


def _as_list(token: bytes) -> bytes:
    if token[:1] == b"[":
        return token
    if token in (b"null", b"false", b'""') or _is_empty(token):
        return NO_RECORDS
    if token[:1] == b"{":
        return b"[" + token + b"]"
    raise ShapeError


def _first_item(token: bytes) -> list[bytes]:
    try:
        return [bytes(item) for item in msgspec.json.decode(replace_lone_surrogates(token), type=list[msgspec.Raw])[:1]]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []


def _is_list_of_objects(token: bytes) -> bool:
    return _LIST_OF_OBJECTS.match(token) is not None


def _is_identified(token: bytes) -> bool:
    return any(name in _IDS for name, _ in _split_fields(token))


def _read_announced(payload: Mapping[str, bytes]) -> int | None:
    """Return the number of records that a total states, or else amount_of_…, which may be that of the page alone."""
    counts = _read_counts(payload)
    return next((counts[name] for name in (*_TOTALS, *counts) if name in counts), None)


def _read_counts(payload: Mapping[str, bytes]) -> dict[str, int]:
    """Return the counts of records beside them, or in an object about the pages, by name; the first of each name."""
    beside = {name: _decode(value) for name, value in payload.items() if value[:1] != b"["}
    groups = [beside, *(beside[name] for name in _PAGE_OBJECTS if isinstance(beside.get(name), dict))]
    named = [(name, _parse_count(value)) for group in groups for name, value in group.items()]
    counts: dict[str, int] = {}
    for name, number in named:
        if number is not None and (name.startswith("amount_of_") or name in _TOTALS):
            counts.setdefault(name, number)
    return counts


def _parse_count(value: object) -> int | None:
    text = str(value)
    is_count = isinstance(value, int | str) and text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if is_count else None


def _parse_failure(errors: object) -> Failure:
    known = errors if isinstance(errors, dict) else {}
    raw_codes = known.get("error_code")
    codes = raw_codes if isinstance(raw_codes, list) else [raw_codes]
    details = known.get("error_message_description") or known.get("error_message") or "no reason given"
    message = " ".join(map(str, details)) if isinstance(details, list) else str(details)
    numbers = (_parse_count(code) for code in codes)
    return Failure(frozenset(number for number in numbers if number is not None), message)
