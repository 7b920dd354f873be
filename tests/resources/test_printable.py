"""Texts from outside where people read them."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from resources.printable import make_lines_printable, make_printable


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_that_acts_is_left_and_all_else_is_as_it_was(text: str) -> None:
    shown = make_printable(text)
    assert shown.encode() or not text
    assert not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in shown)
    assert not any(unicodedata.bidirectional(letter) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI"} for letter in shown)
    assert make_printable(shown) == shown
    if text.isprintable() and text.isascii():
        assert shown == text


def test_what_acts_is_shown_as_an_escape() -> None:
    assert make_printable("\x1b[31m\r\n\x9b\u202eé 𝄞 עברית") == "\\u001b[31m\\u000d\\u000a\\u009b\\u202eé 𝄞 עברית"


def test_lines_of_our_own_stay_apart() -> None:
    assert make_lines_printable("one\ntwo\x07") == "one\ntwo\\u0007"
