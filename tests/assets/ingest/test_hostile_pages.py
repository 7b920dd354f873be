"""Answers that mean harm, at random, through the real client: a right row or one line, at a price that is known."""

import asyncio
import gzip
import json
import resource
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.normalise.normalise import NormalisedPage, PageNormaliser
from assets.normalise.page_texts import fields_of
from assets.tables.coupon_sessions import CouponSession
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.errors import CoupontoolsError
from resources.coupontools.requests import PageRequest, Slice
from tests.support.examples import examples
from tests.support.raw_server import answering, http

SESSIONS = Slice(choose_endpoints("")["sessions"], "cam_1", constants={"campaign_id": "cam_1"})
MAX_ANSWER, MAX_RECORD = 200_000, 20_000
MAX_SECONDS, MAX_KILOBYTES = 5.0, 400_000
"""What an answer may cost: of the processor, and of memory beyond what was taken before; most take a thousandth."""

unicode = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
pieces = st.sampled_from(["a", "é", "😀", "{", '},{"', ":", r"\"", r"\\", r"\n", r"\u0000", r"\ud83d\ude00", r"\ud83d"])
strings = st.lists(pieces, max_size=4).map(lambda texts: '"' + "".join(texts).replace(',{"', ",{") + '"')
numbers = st.sampled_from(["0", "-0", "7", "1.50", "1e3", "1E400", "-0.1", "12345678901234567890"])
digits = st.integers(1, 6_000).map(lambda count: "9" * count)
deep = st.integers(1, 300).map(lambda depth: "[" * depth + "]" * depth)
long = st.integers(1, 40_000).map(lambda length: f'"{"é" * length}"')
leaves = strings | numbers | st.sampled_from(["null", "true", "false", "[]", "{}"]) | unicode.map(json.dumps)


def objects(values: st.SearchStrategy[str], names: st.SearchStrategy[str] = unicode) -> st.SearchStrategy[str]:
    def written(members: dict[str, str]) -> str:
        return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"

    return st.dictionaries(names, values, max_size=4).map(written)


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda texts: f"[{','.join(texts)}]")


values = st.one_of(st.recursive(leaves, lambda inner: lists(inner) | objects(inner), max_leaves=6), deep, digits, long)
DECLARED = sorted(fields_of(CouponSession))


@st.composite
def records(draw: st.DrawFn) -> str:
    """A record that is good, but for what is put into it."""
    members = draw(st.dictionaries(st.sampled_from(DECLARED) | unicode, values, max_size=4))
    members["session"] = draw(st.sampled_from([f'"s{number}"' for number in range(9)]) | leaves)
    if draw(st.integers(0, 9)) == 0:
        first = draw(st.integers(0, 1_000))
        members |= {f"n{first + number}": "1" for number in range(400)}
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"


DAMAGES: dict[str, Any] = {
    "none": lambda body, _: body,
    "a mark": lambda body, _: b"\xef\xbb\xbf" + body,
    "cut": lambda body, at: body[: int(len(body) * at)],
    "a wrong byte": lambda body, at: body[: int(len(body) * at)] + b"\xff" + body[int(len(body) * at) + 1 :],
    "UTF-16": lambda body, _: body.decode().encode("utf-16"),
    "Latin": lambda body, _: body.decode().encode("latin-1", "replace"),
    "more behind": lambda body, _: body + b" x",
    "nothing": lambda _body, _at: b"",
    "blanks": lambda body, _: body + b" " * 300_000,
}
ENCODINGS: dict[str, Any] = {
    "": lambda body: body,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "gzip ": lambda body: gzip.compress(body)[:-6],
    "deflate ": lambda body: zlib.compress(body)[2:],
    "gzip, gzip": lambda body: gzip.compress(gzip.compress(body)),
    "br": lambda body: body,
    "x-gzip": lambda body: b"\x1f\x8b" + body,
}
HARMLESS = {"", "gzip", "deflate"}
STATUSES = ["200 OK"] * 8 + ["404 Not Found", "403 Forbidden", "500 Oops", "429 Slow", "302 Elsewhere"]
TYPES = ["application/json", "text/html; charset=latin-1", "image/png", "\xff"]


@dataclass
class Server:
    """Where a server is, and what it says to whatever it is asked."""

    url: str = ""
    answer: bytes = field(default=b"", repr=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    with answering(lambda _: [server.answer]) as server.url:
        yield server


ENVIRONMENT = {
    "CLIENT_ID": "somebody",
    "CLIENT_SECRET": "hush-hush",
    "MAX_ANSWER_BYTES": str(MAX_ANSWER),
    "MAX_RECORD_BYTES": str(MAX_RECORD),
    "RETRY_WAIT": "0",
}


def outcome(server: Server) -> NormalisedPage | CoupontoolsError:
    normaliser = PageNormaliser(CouponSession, MAX_RECORD)

    async def run() -> NormalisedPage:
        async with CoupontoolsAccount(url=server.url).connect() as client:
            return await client.read(PageRequest(SESSIONS, 1), normaliser.normalise)

    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(f"COUPONTOOLS_{name}", value)
        try:
            return asyncio.run(run())
        except CoupontoolsError as error:
            return error


def loaded(text: bytes | str) -> Any:
    """JSON as Python reads it, numbers as they are written; None if it is none."""
    if isinstance(text, bytes):
        text = text.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    try:
        return json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return None


def as_text(value: Any) -> Any:
    return None if value in ("", [], {}) else value


def is_of(row: dict[str, Any], record: Any) -> bool:
    """Whether a row holds what a record says of its id, one text and all fields without a column."""
    if not isinstance(record, dict):
        return False
    extra = loaded(row["_extra"] or "{}")
    others = {name: value for name, value in record.items() if name not in DECLARED}
    return (
        row["session_id"] == as_text(record.get("session", record.get("ID")))
        and row["custom_id"] == as_text(record.get("customid"))
        and {name: value for name, value in extra.items() if name in others} == others
    )


@given(
    page=st.lists(records(), max_size=4),
    damage=st.sampled_from(["none"] * 6 + sorted(DAMAGES)),
    at=st.floats(0, 1),
    packing=st.sampled_from([""] * 4 + sorted(ENCODINGS)),
    status=st.sampled_from(STATUSES),
    kind=st.sampled_from(TYPES),
)
@examples(40)
def test_a_hostile_answer_gives_right_rows_or_one_line_at_a_known_price(
    server: Server, page: list[str], damage: str, at: float, packing: str, status: str, kind: str
) -> None:
    intact = f'{{"status":{{"status":"OK"}},"sessions":[{",".join(page)}]}}'.encode()
    body = DAMAGES[damage](intact, at)
    packed = ENCODINGS[packing](body)
    server.answer = http(packed, status, content_type=kind, content_encoding=packing.strip())
    memory, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    result = outcome(server)
    assert time.process_time() - begun < MAX_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MAX_KILOBYTES
    if isinstance(result, CoupontoolsError):
        assert "\n" not in str(result)
        assert len(str(result)) < 1_000
        is_large = len(body) > MAX_ANSWER or body.count(b"{") + body.count(b"[") > MAX_ANSWER // 32
        assert is_large or damage != "none" or packing not in HARMLESS or status != "200 OK"
        return
    sent = loaded(body)
    assert sent is not None, "there are rows where Python finds no JSON"
    assert result.records == len(sent["sessions"])
    assert len(result.rows) + len(result.rejected_keys) + result.copies == result.records
    for row in result.rows.iter_rows(named=True):
        assert any(is_of(row, record) for record in sent["sessions"])
