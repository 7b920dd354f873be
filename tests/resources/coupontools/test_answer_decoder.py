"""A large answer whose records are read once gives what one that is read twice gives."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.normalise.normalise import NormalisedPage, PageNormaliser
from assets.tables.coupon_sessions import CouponSession
from resources.coupontools import envelope
from resources.coupontools.answer_decoder import AnswerDecoder
from resources.coupontools.endpoints import Endpoint, choose_endpoints
from resources.coupontools.envelope import Answer, Failure, parse_answer, parse_around_records
from resources.coupontools.errors import ShapeError
from resources.coupontools.requests import PageRequest, Slice
from tests.support.accounts import session
from tests.support.examples import examples
from tests.support.normalised_pages import READ_AT, constants_of

SESSIONS, OF_V4 = choose_endpoints("")["sessions"], choose_endpoints("v4")["loyalty_users"]
RECORDS = [session(number) for number in range(1, 3)]
LARGE = [session(number) for number in range(1, 201)]
STATUS = {"status": {"status": "OK"}}
ERROR = {"status": {"status": "ERROR"}, "errors": {"error_code": "201", "error_message": "no campaign"}}

ENVELOPES: Sequence[Any] = [
    STATUS | {"amount_of_results": "2", "data": RECORDS},
    {"data": RECORDS} | STATUS,
    STATUS | {"sessions": RECORDS},
    STATUS | {"data": [{**record, "made_up": {"a": [1, 2]}, "number": 5} for record in RECORDS]},
    STATUS | {"data": RECORDS, "more": [{"ID": "1"}]},
    STATUS | {"before": [{"ID": "1"}], "data": RECORDS},
    STATUS | {"before": [], "data": RECORDS},
    STATUS | {"amount_of_results": 0, "data": RECORDS, "users": []},
    STATUS | {"page": {"data": RECORDS}},
    STATUS | {"ID": "1", "list": RECORDS},
    ERROR | {"data": RECORDS},
    RECORDS,
]
FRAGMENTS = [
    '"',
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\\",
    "\n",
    "\x00",
    "\x7f",
    "null",
    "[]",
    "{}",
    "1",
    " ",
    '\\"',
    "\\ud800",
]
FRAGMENTS += ['"data":[', '],"x":[', '"status":', '}],"x":[{"ID":"1"']


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Answers, most of them with something put in or taken out somewhere."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    body = json.dumps(draw(st.sampled_from(ENVELOPES)), separators=separators).encode()
    for _ in range(draw(st.integers(0, 3))):
        place, length = draw(st.integers(0, len(body))), draw(st.sampled_from([0, 0, 1, 2, 30]))
        body = body[:place] + draw(st.sampled_from(["", *FRAGMENTS])).encode() + body[place + length :]
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf", b" "])) + body


def decode(body: bytes, endpoint: Endpoint, *, checks_json: bool) -> NormalisedPage | Failure | None:
    """What becomes of an answer; None if its shape is not known."""
    page_request = PageRequest(Slice(endpoint, "cam_1", constants=constants_of(CouponSession)), 1)
    decoder = AnswerDecoder(page_request, PageNormaliser(CouponSession).normalise, checks_json)
    try:
        return decoder.decode_answer(body, 200, READ_AT)
    except ShapeError:
        return None


def assert_same(body: bytes, endpoint: Endpoint) -> None:
    once, twice = (decode(body, endpoint, checks_json=checks_json) for checks_json in (True, False))
    if not (isinstance(once, NormalisedPage) and isinstance(twice, NormalisedPage)):
        assert once == twice
        return
    assert once.rows.equals(twice.rows)
    assert once.rejected.equals(twice.rejected)
    assert once.rejected_keys.equals(twice.rejected_keys)
    assert once.hashes.equals(twice.hashes)
    facts = ("records", "copies", "new_fields", "records_key")
    assert [getattr(once, fact) for fact in facts] == [getattr(twice, fact) for fact in facts]


@given(body=bodies(), endpoint=st.sampled_from([SESSIONS, OF_V4]))
@examples(200)
def test_records_that_are_read_once_are_the_same(body: bytes, endpoint: Endpoint) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envelope, "_MIN_BYTES_SKIPPED", 100)
        assert_same(body, endpoint)


@pytest.mark.parametrize(
    "value", [b"[" * 60_000 + b"]" * 60_000, b"[" * 60_000, b'"\\ud800"', b'"\xff"', b"9" * 6_000, b'"', b"\x00"]
)
def test_values_that_cannot_be_read_are_the_same_too(value: bytes) -> None:
    body = json.dumps(STATUS | {"data": [*LARGE, {"session": "VALUE"}]}).encode().replace(b'"VALUE"', value)
    assert parse_around_records(body, 200, SESSIONS)
    assert_same(body, SESSIONS)


@pytest.mark.parametrize("endpoint", [SESSIONS, OF_V4])
def test_a_large_answer_is_outlined(endpoint: Endpoint) -> None:
    body = json.dumps(STATUS | {"amount_of_results": "200", "data": LARGE}).encode()
    outline = parse_around_records(body, 200, endpoint)
    assert isinstance(outline, Answer)
    assert outline == parse_answer(body, 200, endpoint)
    assert (outline.records_key, outline.announced) == ("data", 200)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (STATUS | {"data": RECORDS}, 200),  # small
        (STATUS | {"data": LARGE}, 404),
        (ERROR | {"data": LARGE}, 200),
        (STATUS | {"before": [1], "data": LARGE}, 200),
        (STATUS | {"page": {"data": LARGE}}, 200),
        (STATUS | {"data": LARGE, "data ": "]"}, 200),
    ],
)
def test_other_answers_are_not(answer: Any, status: int) -> None:
    assert parse_around_records(json.dumps(answer).encode(), status, SESSIONS) is None
