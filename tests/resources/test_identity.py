"""One rule for who an e-mail address or a phone number names, the same in frames and in SQL."""

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.warehouse.identity import BLANKS, INVISIBLE, WRITTEN_AS, identities, identity_in_sql

LETTERS = st.characters(exclude_categories=("Cs", "Cn"))  # what Python does not know the engines may know, or not
PIECES = st.one_of(
    LETTERS,
    st.sampled_from([*BLANKS, *WRITTEN_AS, *INVISIBLE, *"+0123456789()./-@aZé"]),
    st.sampled_from(["+32", "0032", "(0)", "470", "zoe@example.com", "ΟΔΟΣ"]),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


def in_frames(*texts: str | None) -> list[str | None]:
    return identities(pl.Series(texts, dtype=pl.String)).to_list()


def in_sql(*texts: str) -> list[str | None]:
    with duckdb.connect() as connection:
        query = f"SELECT {identity_in_sql('text')} FROM unnest(?::VARCHAR[]) AS given(text)"
        return [named for (named,) in connection.execute(query, [texts]).fetchall()]


@pytest.mark.parametrize(
    "written",
    [
        "+32470112233",
        "32470112233",
        "0032 470/11.22.33",
        "+32 (0)470 11 22 33",
        "+32 ( 0 ) 470-112233",
        "(+32) 470\u00a011\u200922\t33",
        " 32(0)470112233",
        "\uff0b\uff13\uff12 470112233\u200b",
        "+32\u2011470\u2011112233",
    ],
)
def test_a_number_is_the_same_however_it_is_written(written: str) -> None:
    assert in_frames(written) == ["32470112233"]


@pytest.mark.parametrize(
    "written", ["zoe@x.be", " Zoe@X.BE", "\u00a0zoe@x.be\t", "ZOE\uff20x.be", "\ufeffzoe@x.b\u00ade"]
)
def test_an_address_is_the_same_in_capitals_and_between_blanks(written: str) -> None:
    assert in_frames(written) == ["zoe@x.be"]


def test_what_differs_stays_apart_and_what_says_nothing_names_nobody() -> None:
    assert in_frames("0470 11 22 33", "(0)470 112233") == ["0470112233", "0470112233"]
    assert in_frames("+470112233", "zoe+tag@x.be", "+32470112233 ext 5") == [
        "470112233",
        "zoe+tag@x.be",
        "+32470112233 ext 5",
    ]
    assert in_frames(None, "", " \u2003", "00", "N/A ") == [None, None, None, None, "n/a"]


@given(st.lists(TEXTS, min_size=1, max_size=20))
@settings(deadline=None)
def test_frames_and_sql_agree_on_any_text(texts: list[str]) -> None:
    assert in_sql(*texts) == in_frames(*texts)


@given(TEXTS)
@settings(deadline=None)
def test_whom_a_text_names_is_not_changed_by_being_told_again(text: str) -> None:
    (named,) = in_frames(text)
    assert named is None or in_frames(f"\u00a0{named} ") == [named]
