"""One rule for who an e-mail address or a phone number names, the same in frames and in SQL."""

import json
from urllib.parse import quote

import duckdb
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resources.warehouse.identity import (
    BLANKS,
    INVISIBLE,
    WRITTEN_AS,
    find_identifiers,
    identity_in_sql,
    normalise_identifiers,
)
from tests.support.examples import examples

LETTERS = st.characters(exclude_categories=("Cs", "Cn"))  # what Python does not know the engines may know, or not
PIECES = st.one_of(
    LETTERS,
    st.sampled_from([*BLANKS, *WRITTEN_AS, *INVISIBLE, *"+0123456789()./-@aZé"]),
    st.sampled_from(["+32", "0032", "(0)", "470", "zoe@example.com", "ΟΔΟΣ", "n/a", "@@", "1a" * 32, "ß" * 64]),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


def in_frames(*texts: str | None) -> list[str | None]:
    return normalise_identifiers(pl.Series(texts, dtype=pl.String)).to_list()


def in_sql(*texts: str | None) -> list[str | None]:
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
    assert in_frames(None, "", " \u2003", "00") == [None, None, None, None]


@pytest.mark.parametrize("address", ["o'brien@x.be", "josé@x.be", "a+b1+2@x.be", "50%@x.be", "a&b@x.be"])
def test_an_address_is_found_in_a_link_whatever_is_encoded_in_it(address: str) -> None:
    inner = (address, quote(address), json.dumps({"to": address}, ensure_ascii=False))
    links = [f"https://x.be/?to={quote(text)}&n=1" for text in inner]
    assert set(find_identifiers(pl.Series(links))["identifier"]) == {address}


SOMEBODY = ["a@b", "é@b", " A@b ", "@a@b", "1@2", "a@@b", "1234567", "0123456", "tel 12 34 567", "f" * 64]
NOBODY = [
    "N/A",
    "n/a ",
    "-",
    "+",
    "0",
    "+32",
    "123456",
    "0012 34 56",
    "00000000",
    "(0)12 34 5",
    "unknown",
    "é",
    "f" * 63,
]
NOBODY += ["@", "@b", "a@", " a@ ", "@ b", "@@", "é@", "\uff20b", "ask 12 34 56", f"{'f' * 60} {'f' * 3}"]


@pytest.mark.parametrize("text", SOMEBODY)
def test_a_text_with_an_address_or_the_digits_of_a_number_and_a_hash_are_somebody(text: str) -> None:
    assert in_frames(text) == in_sql(text) == [text.strip().lower()]


@pytest.mark.parametrize("text", NOBODY)
def test_any_other_text_is_nobody(text: str) -> None:
    assert in_frames(text) == in_sql(text) == [None]


def test_of_the_hashes_of_a_text_that_names_several_people_the_first_is_its_own() -> None:
    hashes = f"{'a' * 64} {'b' * 64}"
    assert in_frames(hashes) == in_sql(hashes) == ["a" * 64]


def test_frames_and_sql_agree_on_usual_texts_with_and_without_blanks() -> None:
    usual = [
        "zoe@x.be",
        "1ZOE@x.be",
        "zoé@x.be",
        "+32470112233",
        "0470 11 22 33",
        "a" * 64,
        "1a" * 32,
        *SOMEBODY,
        *NOBODY,
    ]
    texts = [None, *usual, *(f"{blank}{text}\t" for text in usual for blank in BLANKS)]
    assert in_sql(*texts) == in_frames(*texts)


@given(st.lists(st.none() | TEXTS, min_size=1, max_size=20))
@examples(40)
def test_frames_and_sql_agree_on_any_text(texts: list[str | None]) -> None:
    assert in_sql(*texts) == in_frames(*texts)


@given(TEXTS)
@examples(40)
def test_whom_a_text_names_is_not_changed_by_being_normalised_again(text: str) -> None:
    (named,) = in_frames(text)
    assert named is None or in_frames(f"\u00a0{named} ") == [named]


def named_in(text: str) -> dict[str, bool]:
    """Whom a text names, and whether it says no more."""
    return {identifier: is_whole for _, identifier, is_whole in find_identifiers(pl.Series([text])).iter_rows()}


ZOE, PHONE, NATIONAL = "zoe@x.be", "32470112233", "0470112233"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Zoe@X.be ", {ZOE: True}),
        ("Zoe <ZOE@x.be>, and bob@y.be.", {ZOE: False, "bob@y.be": False}),
        ("mailto:zoe@x.be?subject=x", {ZOE: False}),
        ("https://a.b/?a=1&mail=zoe%40x.be&x=2", {ZOE: False}),
        ('{"Zoe\\u0040x.be":{"n":[32470112233]},"c":"K\\u00f6ln"}', {ZOE: False, PHONE: False}),
        ('{"zo\\u00eb@x.be":1}', {"zoë@x.be": False}),
        ("'zoe@x.be'", {ZOE: False}),
        ("marzoe@x.be", {"marzoe@x.be": True}),
        ("r&zoe@x.be", {"r&zoe@x.be": True}),
        ("zoe@x.be.au zoe@x.beer", {"zoe@x.be.au": False, "zoe@x.beer": False}),
        ("zoe+tag@x.be", {"zoe+tag@x.be": True}),
        ("+32\u2009(0)\u00a0470 11.22.33", {PHONE: True}),
        ("tel. 0032 470/112233 or 0470112233", {PHONE: False, NATIONAL: False}),
        ("0470112233/0470112244", {NATIONAL: False, "0470112244": False}),
        ("+32470112233\n+32470112244", {PHONE: False, "32470112244": False}),
        ('{"n": "+32470\\r\\n112233"}', {PHONE: False}),
        ("0470112233\n0470112244", {NATIONAL: False, "0470112244": False}),
        ("call 0470112233\n12", {NATIONAL: False, f"{NATIONAL}12": False}),
        ("0470112233 0470112244", {NATIONAL: False, "0470112244": False}),
        ("+32470112233 ext 5", {PHONE: False}),
        ("\uff0b\uff13\uff12 470112233", {PHONE: True}),
        ("550e8400-e29b-41d4-a716-446655440000", {}),
        ("order-32470112233 s32470112233 x_32470112233", {}),
        ("2026-01-05 10:00:00 and 2026-01-05T10:00:00Z", {}),
        ("e @ zoe@x 112 12:30 51.5", {}),
        ("32470112233" * 2, {}),
        ("a" * 64, {"a" * 64: True}),
        ("a" * 64 + " " + "b" * 64, {"a" * 64: True, "b" * 64: False}),
    ],
)
def test_whoever_is_named_in_a_text_is_found_and_no_part_of_a_longer_word(text: str, names: dict[str, bool]) -> None:
    assert named_in(text) == names


AROUND = st.sampled_from(["", " ", "\t", "\u00a0", "(", "<", '"', ",", ";", "\n", " x: ", " é "])


@given(AROUND, st.sampled_from([ZOE, "+32 470 11 22 33", "0032(0)470/112233", "Zoe@x.BE"]), AROUND, st.booleans())
@examples(40)
def test_she_is_found_in_plain_text_and_in_json(before: str, named: str, after: str, is_ascii: bool) -> None:
    text = f"{before}{named}{after}"
    (expected,) = in_frames(named)
    assert expected in named_in(text)
    record = {"x": [text]}
    for _ in range(3):  # a JSON text, one in a field of another one, and so on
        assert expected in named_in(json.dumps(record, ensure_ascii=is_ascii))
        record = {"x": [json.dumps(record, ensure_ascii=is_ascii)]}
    assert expected in named_in(json.dumps({text: 1}, ensure_ascii=is_ascii))


ESCAPES = st.sampled_from(
    ["\\", '"', "\\u0040", "\\u00e9", "\\ud83d", "\\n", "\\/", "\\x", "%40", ZOE, "+32 470 11 22 33"]
)


@given(st.lists(st.one_of(ESCAPES, TEXTS), max_size=12).map("".join))
@example("\x1f" + "1a" * 32)
@example("\x1f32470112233")
@example("\x80-32470112233")
@example("+320\r0032")
@examples(40)
def test_any_text_can_be_looked_through(text: str) -> None:
    assert all(identifier in in_frames(identifier) for identifier in named_in(text))
    if "\\u" not in text:  # in JSON such a text is escaped twice, and read as it is written
        assert not named_in(text) or named_in(json.dumps(text))
