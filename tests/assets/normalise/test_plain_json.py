"""The fast way of reading a page gives what the exact way gives, or leaves the page to it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.normalise.exact_json import parse_any_page
from assets.normalise.plain_json import parse_plain_page
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from tests.support.accounts import session
from tests.support.examples import examples
from tests.support.normalised_pages import gaps, spelt, texts

PIECES = ["a", "é", "😀", "{", "}", "},{", ":", ",", "[]", *(rf"\{letter}" for letter in '"\\/bfnrt')]
ESCAPES = [r"\u0041", r"\u0000", r"\u00e9", r"\ud83d\ude00", r"\ud83d", r"\ude00", r"\ude00\ud83d"]
NUMBERS = [
    "0",
    "-0",
    "7",
    "-12",
    "1.50",
    "1.5",
    "-0.000001",
    "999999999.999999",
    "1e3",
    "123456789012345678",
    "12345678901234567890",
]
string_tokens = st.lists(st.sampled_from(PIECES + ESCAPES), max_size=4).map(lambda pieces: f'"{"".join(pieces)}"')


@st.composite
def objects_of(draw: st.DrawFn, members: dict[str, st.SearchStrategy[str]]) -> str:
    """An object with some of the members, as it may stand in a page."""
    names = draw(st.lists(st.sampled_from(sorted(members)), unique=draw(st.booleans()), max_size=5))
    pairs = [f'{draw(gaps)}"{spelt(draw, name)}"{draw(gaps)}:{draw(gaps)}{draw(members[name])}' for name in names]
    return "{" + ",".join(pairs) + "}"


OTHERS = [
    "null",
    '{"a":1,"a":2}',
    '[{"b":null,"b":{}}]',
    r'"\":null"',
    '{"\\\\":1}',
    "true",
    "false",
    "[]",
    "{}",
    '[1, {"a" : "b"}]',
    '{"a":[null,2.0]}',
    "[[[1]]]",
    '{"a":"\\ud83d"}',
]
UNDECLARED = frozenset({"_x", "made_up", "user.made_up", "user.x.y", "status.a-b", "status"})
nearly_plain = string_tokens | st.sampled_from(NUMBERS) | st.sampled_from(OTHERS)
near_records = objects_of(
    {
        **dict.fromkeys(["session", "session_url", "customid", "email", "sequenceid", "made_up", "_x"], nearly_plain),
        "user": objects_of(dict.fromkeys(["email", "optin", "made_up", "x.y"], nearly_plain)) | st.just("7"),
        "status": objects_of(dict.fromkeys(["opened", "value", "a-b"], nearly_plain)) | st.just("null"),
    }
)


@given(records=st.lists(near_records, max_size=3), gap=gaps, knows_others=st.booleans())
@examples(60)
def test_the_fast_way_reads_what_the_exact_way_reads_or_nothing(
    records: list[str], gap: str, knows_others: bool
) -> None:
    page = f"{gap}[{f'{gap},{gap}'.join(records)}]{gap}".encode()
    slow = parse_any_page(page, CouponSession)
    fast = parse_plain_page(page, CouponSession, UNDECLARED if knows_others else frozenset())
    if fast:
        assert fast.columns.equals(slow.columns)
        assert fast.extra.equals(slow.extra)
        assert fast.new_fields == slow.new_fields
        assert not slow.unfit.any()


@given(
    texts_of=st.lists(
        st.dictionaries(
            st.sampled_from(["ID", "code", "name", "title", "status", "url"]),
            st.none() | texts.filter(lambda text: not text.startswith(":")),
        ),
        max_size=5,
    ),
    ascii_only=st.booleans(),
)
def test_pages_of_texts_are_read_the_fast_way(texts_of: list[dict[str, str | None]], ascii_only: bool) -> None:
    content = json.dumps(texts_of, ensure_ascii=ascii_only).encode()
    assert parse_plain_page(content, Campaign, frozenset()) is not None
    assert parse_plain_page(content.replace(b"/", rb"\/"), Campaign, frozenset()) is not None


@pytest.mark.parametrize(
    "record",
    [
        session(1, extra_field="x"),
        session(1, customid=True),
        session(1, user=[]),
        session(1, user=False),
        {"session": "a", "status": {"made_up": "x"}},
        {"session": 5.0},
        {"session": -0.0},
        {"session": "a", "user": {"email": "a"}, "email": "b"},
        {"session": "half a pair \ud83d"},
        5,
        None,
    ],
)
def test_the_fast_way_takes_no_page_that_it_would_have_to_change(record: Any) -> None:
    assert parse_plain_page(json.dumps([session(2), record]).encode(), CouponSession, frozenset()) is None
