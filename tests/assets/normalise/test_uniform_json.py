"""The fastest way of reading a page gives what the exact way gives, or leaves the page to the others."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.normalise.exact_json import parse_any_page
from assets.normalise.page_texts import Texts
from assets.normalise.uniform_json import parse_uniform_page
from assets.tables.coupon_sessions import CouponSession
from tests.support.accounts import session
from tests.support.examples import examples

PIECES = ["a", "é", "😀", "{", "}", "},{", ":", ",", "null", '":null', '":"', "]", " ", "\x7f", "\n"]
ESCAPES = [r"\"", r"\\", r"\/", r"\n", r"\u0041", r"\u0000", r"\ud83d\ude00", r"\ud83d", r"\ude00", "\\", r"\q"]
NAMES = ["session", "session_url", "customid", "email", "sequenceid", "made_up", "_x", "status", 'a"b', "a\\\\", ":"]
NAMES_INSIDE = ["opened", "value", "email", "optin", "made_up", "x.y"]

harmless = st.sampled_from(['""', "null", '"0"', '"é"', r'"\"\/"', r'"\\"'])
tokens = st.lists(st.sampled_from(PIECES + ESCAPES), max_size=3).map(lambda pieces: f'"{"".join(pieces)}"')


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    """A page whose records nearly all have the same names in the same order, with what JSON allows and does not."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=draw(st.booleans())))
    groups = draw(st.lists(st.sampled_from(["status", "user", "made_up"]), max_size=2, unique=draw(st.booleans())))
    inside = draw(st.lists(st.sampled_from(NAMES_INSIDE), min_size=1, max_size=3, unique=draw(st.booleans())))
    colon, comma = draw(st.sampled_from([(":", ","), (": ", ", "), (" :", ",  "), (":", ",\n")]))

    values = draw(st.sampled_from([harmless, tokens | harmless]))

    def members(of: list[str]) -> str:
        return comma.join(f'"{name}"{colon}{draw(values)}' for name in of)

    def record() -> str:
        objects = [f'"{group}"{colon}{{{members(inside)}}}' for group in groups]
        pieces = [members(names), *objects]
        return "{" + comma.join(pieces if draw(st.integers(0, 9)) else reversed(pieces)) + "}"

    return f"[{comma.join(record() for _ in range(draw(st.integers(1, 3))))}]".encode()


def assert_same(uniform: Texts, exact: Texts) -> None:
    assert uniform.columns.equals(exact.columns)
    assert uniform.extra.equals(exact.extra)
    assert uniform.new_fields == exact.new_fields
    assert not exact.unfit.any()


@given(page=pages())
@examples(150)
def test_the_fastest_way_reads_what_the_exact_way_reads_or_nothing(page: bytes) -> None:
    uniform = parse_uniform_page(page, CouponSession)
    if uniform:
        assert_same(uniform, parse_any_page(page, CouponSession))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"customid": None},
        {"customid": 'says "yes" \\ or/and né 😀'},
        {"customid": "says\r\n"},
        {"customid": 'a":"b'},
        {"made_up": "x", "_x": None},
        {"session_url": "", "user": {"email": "jan@example.com", "made_up": "x"}},
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_pages_of_records_that_look_the_same_are_read_the_fastest_way(
    changes: dict[str, Any], separators: tuple[str, str], ascii_only: bool
) -> None:
    records = [session(number, **changes) for number in range(1, 4)]
    page = json.dumps(records, separators=separators, ensure_ascii=ascii_only).encode()
    for content in (page, page.replace(b"/", rb"\/")):
        uniform = parse_uniform_page(content, CouponSession)
        assert uniform
        assert_same(uniform, parse_any_page(content, CouponSession))


@pytest.mark.parametrize(
    "page",
    [
        b"[]",
        b"[{}]",
        b'{"session":"a"}',
        b'[{"session":"a"}',
        b'[{"session":"a"}]]',
        b'[{"session":"a"},{"session":"b"},]',
        b'[{"session":"a"},{"session":"b","session":"c"}]',
        b'[{"session":"a","session":"b"}]',
        b'[{"session":"a","status":{"value":"b"},"status":{"value":"c"}}]',
        b'[{"session":"a","email":"b"},{"email":"b","session":"a"}]',
        b'[{"session":"a","email":"b"},{"session":"a"}]',
        b'[{"session":"a","sequenceid":"1"},{"session":"a","sequenceid":1}]',
        b'[{"session":"a","email":"b","user":{"email":"c"}}]',
        b'[{"session":"a","user":"b"}]',
        b'[{"session":"a","user":[]}]',
        b'[{"session":"a","made_up":{"x":"b"}}]',
        b'[{"session":"a\nb"}]',
        b'[{"session":"a\x7fb"}]',
        b'[{"session":"a\xff"}]',
        rb'[{"session":"\ud83d"}]',
        rb'[{"session":"\q"}]',
        rb'[{"session":"a\":"}]',
        b'[{"session":"a"},{"session":"b"}]' + b"x",
        b'[{"session":":null"}]',
    ],
)
def test_the_fastest_way_takes_no_page_that_it_would_have_to_change(page: bytes) -> None:
    assert parse_uniform_page(page, CouponSession) is None


def test_the_fastest_way_takes_no_page_with_many_undeclared_fields() -> None:
    record = {"session": "a"} | {f"made_up_{number}": "x" for number in range(101)}
    assert parse_uniform_page(msgspec.json.encode([record] * 3), CouponSession) is None
