"""Of a name that stands twice in an object one value counts, and none is lost."""

import json
import re
from datetime import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.normalised_pages import read, spelt

TWICE = (
    '{"session":"a","status":{"open_date_utc":"2026-01-06 10:00:00","open_date_utc":"2026-01-07 10:00:00"},'
    r'"customid":"x","\u0063ustomid":"","zz":[{"k":1,"k":2}],"zz":null}'
)


@pytest.mark.parametrize(
    "beside", ["", ',{"session":"b","zz":true}', ',{"session":"c","\\ud800":1}', ',{"session":5e1}']
)
def test_of_a_name_that_stands_twice_the_last_value_counts_and_the_others_are_kept(beside: str) -> None:
    rows = read(f"[{TWICE}{beside}]".encode()).rows.filter(pl.col("session_id") == "a")
    assert rows.select("opened_at", "custom_id").rows() == [(datetime(2026, 1, 7, 10), "x")]
    assert json.loads(rows["_extra"][0]) == {
        "status": {"repeated.open_date_utc": ["2026-01-06 10:00:00"]},
        "zz": [{"k": 2, "repeated.k": [1]}],
    }


@pytest.mark.parametrize("beside", [r'"session_url":"\u003ax"', r'"\u003Ax":1', r'"zz":[{"k":"\u003a"}]'])
def test_a_text_that_begins_with_an_escaped_colon_hides_no_repeated_name(beside: str) -> None:
    for records in (f'{{"session":"a","customid":"x","customid":"",{beside}}}', f'{TWICE},{{"session":"b",{beside}}}'):
        assert read(f"[{records}]".encode()).rows["custom_id"][0] == "x"


def test_an_object_that_stands_twice_and_a_name_that_is_taken_lose_nothing() -> None:
    rows = read(b'[{"session":"a","user":{"email":"a"},"user":{"email":"b"},"repeated.user":1}]').rows
    assert rows["email"].to_list() == ["b"]
    assert json.loads(rows["_extra"][0]) == {"repeated.user": 1, "repeated.repeated.user": [{"email": "a"}]}


def test_a_field_with_a_dotted_name_and_an_unused_value_of_that_place_are_both_kept() -> None:
    user = '"user":{"firstname":{"a":1}},"firstname":"f"'
    rows = read(f'[{{"session":"a",{user},"user.firstname":"literal"}},{{"session":"b",{user}}}]'.encode()).rows
    assert rows["first_name"].to_list() == ["f", "f"]
    assert rows["_extra"][0].count('"user.firstname"') == 1
    assert json.loads(rows["_extra"][0]) == {"repeated.user.firstname": {"a": 1}, "user.firstname": "literal"}


@pytest.mark.parametrize("empty", ["null", '""', "[]", "{}", "[ ]", "{ }", "[\n]", "{\t\r\n }"])
def test_an_empty_value_gives_way_to_another_one_of_its_name(empty: str) -> None:
    for values in (("x", empty), (empty, "x")):
        first, second = (f'"{value}"' if value == "x" else value for value in values)
        rows = read(f'[{{"session":"A","customid":{first},"customid":{second}}}]'.encode()).rows
        assert rows.select("custom_id", "_extra").rows() == [("x", None)]


@pytest.mark.parametrize("filled", ['" "', "0", "false", "[0]", "[[]]", '{"":null}', '"[]"'])
def test_a_value_that_only_looks_empty_is_kept(filled: str) -> None:
    rows = read(f'[{{"session":"A","zz":{filled},"zz":"x"}}]'.encode()).rows
    assert json.loads(rows["_extra"][0]) == {"zz": "x", "repeated.zz": [json.loads(filled)]}


@st.composite
def repeating(draw: st.DrawFn, depth: int = 3) -> str:
    """An object whose names may stand twice at any depth, with a value of its own at each place."""
    names = draw(
        st.lists(st.sampled_from(["session", "customid", "status", "user", "value", "email", "q"]), max_size=5)
    )
    pairs = []
    for name in names:
        is_deeper = depth > 0 and (name in ("status", "user", "q"))
        colon = draw(st.sampled_from(["", ":", r"\u003a", r"\u003A"]))
        inner = draw(repeating(depth - 1)) if is_deeper else f'"{colon}v{draw(st.uuids())}"'
        pairs.append(f'"{spelt(draw, name)}":{f"[{inner}]" if name == "q" else inner}')
    return "{" + ",".join(pairs) + "}"


@given(records=st.lists(repeating(), min_size=1, max_size=2, unique=True))
@examples(15)
def test_no_value_of_a_name_that_stands_twice_is_lost_whatever_stands_beside_it(records: list[str]) -> None:
    together = read(f"[{','.join([*records, NEIGHBOUR])}]".encode())
    assert together.rows["session_id"].to_list()[-1:] == ["neighbour"]
    alone = [read(f"[{record}]".encode()) for record in records]
    assert pl.concat([page.rows for page in alone]).equals(together.rows.head(-1))
    assert pl.concat([page.rejected for page in alone])["record"].sort().equals(together.rejected["record"].sort())
    kept = "".join(frame.write_json() for frame in (together.rows, together.rejected))
    assert all(value in kept for record in records for value in re.findall(r"v[0-9a-f-]{36}", record))


NEIGHBOUR = '{"session":"neighbour","zz":1e400}'
"""A record that no page can be read with the fast way."""
