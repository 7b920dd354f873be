"""What an API gives back of the keys is masked, however it spells them, and an answer stays the JSON that it was."""

import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from resources.coupontools.masking import MIN_KEY_IN_DATA, make_masker
from tests.support.examples import examples

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=MIN_KEY_IN_DATA, max_size=70)
AROUND = st.text(max_size=12)

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "in hex": lambda key: key.encode().hex(),
    "in upper case hex": lambda key: key.encode().hex().upper(),
    "in a URL": lambda key: quote(key, safe=""),
    "in a URL in a URL": lambda key: quote(quote(key, safe=""), safe=""),
    "in a URL, every character": lambda key: "".join(f"%{ord(letter):02x}" for letter in key),
    "in HTML": escape,
    "in HTML in HTML": lambda key: escape(escape(key)),
    "in HTML, every character": lambda key: "".join(f"&#{ord(letter)};" for letter in key),
    "in HTML, every character in hex": lambda key: "".join(f"&#x{ord(letter):X};" for letter in key),
    "in JSON": lambda key: json.dumps(key)[1:-1],
    "in JSON, every character": lambda key: "".join(f"\\u{ord(letter):04x}" for letter in key),
    "in JSON, every other character": lambda key: "".join(
        f"\\u{ord(letter):04X}" if number % 2 else letter for number, letter in enumerate(key)
    ),
    "in source code": lambda key: "".join(f"\\x{ord(letter):02x}" for letter in key),
    "in UTF-16": lambda key: "\0".join(key),
}


@examples(20)
@example(key="::::::::", spelling="in HTML, every character", before="", after="")
@given(key=KEYS, spelling=st.sampled_from(sorted(SPELLINGS)), before=AROUND, after=AROUND)
def test_a_key_in_a_text_is_masked_however_it_is_spelled(key: str, spelling: str, before: str, after: str) -> None:
    spelled = SPELLINGS[spelling](key)
    assume(not (key.isdigit() or spelled.isdigit()))  # digits are no key inside a longer number
    body = json.dumps({"data": [{"note": f"{before}{spelled}{after}", spelled: 1, "id": 7}]}).encode()
    masked = json.loads(_masked(key, body))
    assert spelled not in json.dumps(masked, ensure_ascii=False)
    assert masked["data"][0]["id"] == 7


@examples(20)
@given(key=KEYS, before=st.binary(max_size=5), after=st.binary(max_size=5), is_for_urls=st.booleans())
def test_a_key_anywhere_in_base64_is_masked(key: str, before: bytes, after: bytes, is_for_urls: bool) -> None:
    encode = urlsafe_b64encode if is_for_urls else b64encode
    encoded = encode(before + key.encode() + after).decode()
    for text in (encoded, encoded.replace("/", "\\/"), quote(encoded, safe="")):
        masked = _masked(key, f'{{"token":"{text}"}}'.encode()).decode()
        assert "…" in masked
        assert key.encode()[1:-1] not in _decoded_parts(json.loads(masked)["token"])


@examples(20)
@given(
    key=KEYS,
    record=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
)
def test_an_answer_without_keys_stays_byte_for_byte(key: str, record: object) -> None:
    body = json.dumps(record).encode()
    assume(key not in body.decode())
    assert _masked(key, body) == body


@examples(20)
@given(key=KEYS | KEYS.map("{}\\".format) | st.from_regex(r"[0-9]{8,20}", fullmatch=True), data=st.data())
def test_json_stays_json_wherever_a_key_stands(key: str, data: st.DataObject) -> None:
    escapes = st.sampled_from(["\\n", "\\\\", '\\"', "\\u0041", "\\/", key, json.dumps(key)[1:-1], " ", "7"])
    text = "".join(data.draw(st.lists(escapes, max_size=8)))
    body = f'{{"a":"{text}","b":[1,"x"]}}'.encode()
    try:
        json.loads(body)
    except ValueError:
        assume(False)
    assert json.loads(_masked(key, body))["b"] == [1, "x"]


@pytest.mark.parametrize("after", ['"', "\n", "é", " and", ""])
def test_a_key_that_ends_in_a_backslash_leaves_the_escape_after_it(after: str) -> None:
    body = json.dumps({"a": f"hush-hush\\{after}", "b": 1}).encode()
    assert json.loads(_masked("hush-hush\\", body)) == {"a": f"…{after}", "b": 1}


def test_a_key_that_is_a_number_is_masked_where_a_number_stands_and_in_no_longer_one() -> None:
    body = b'{"n":12345678,"t":"key 12345678","d":-12345678.5,"l":9123456789,"x":{"12345678":[12345678]}}'
    assert json.loads(_masked("12345678", body)) == {
        "n": "…",
        "t": "key …",
        "d": "…",
        "l": 9123456789,
        "x": {"…": ["…"]},
    }


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfehush-hush", b"<p>hush-hush</p>", b'{"cut": "hush-hush', b"\0h\0u\0s\0h"]
)
def test_what_is_no_json_is_masked_too(body: bytes) -> None:
    assert _masked("hush-hush", body) == body.replace(b"hush-hush", "…".encode())


def test_a_key_within_another_and_one_after_the_other_leave_nothing() -> None:
    mask = make_masker(("hush-hush", "hush-hush-hush!"), MIN_KEY_IN_DATA)
    body = b"hush-hush-hush!hush-hushhush-hush-hush-hush!hush-hushhush"
    assert b"hush-hush" not in mask(body)


def test_short_keys_are_not_looked_for() -> None:
    body = b'{"id": "secret", "client_secret": 1}'
    assert make_masker(("id", "secret"), MIN_KEY_IN_DATA)(body) == body


def _masked(key: str, body: bytes) -> bytes:
    return make_masker([key], MIN_KEY_IN_DATA)(body)


def _decoded_parts(token: str) -> bytes:
    """All that the parts of a masked token say, at any alignment."""
    parts = [part.replace("-", "+").replace("_", "/") for part in token.split("…")]
    return b"|".join(_decoded(part[skip:]) for part in parts for skip in range(4))


def _decoded(text: str) -> bytes:
    clean = "".join(letter for letter in text if letter.isalnum() or letter in "+/")
    return b64decode(clean[: len(clean) // 4 * 4])
