"""The page loop, property-based: whatever the server's habits, every record is handed on, and the loop ends."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.coupontools.client import Client
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.errors import RequestError
from resources.coupontools.page import Page
from resources.coupontools.pages import PageReader, SliceResult
from resources.coupontools.requests import PageRequest, Slice
from resources.settings import ApiLimits
from tests.support.examples import examples

SESSIONS = choose_endpoints("")["sessions"]
REGISTRATIONS = choose_endpoints("")["directory_registrations"]


@dataclass(frozen=True)
class Numbers:
    """A page of numbers, each its own hash."""

    hashes: pl.Series
    keyless: int = 0
    is_before_window: bool = False

    @property
    def records(self) -> int:
        return len(self.hashes)


def decode_numbers(page: Page) -> Numbers:
    return Numbers(pl.Series(json.loads(page.records), dtype=pl.UInt64))


@dataclass
class Server:
    """A list of numbers, paged in some way that the documentation does not exclude."""

    size: int
    page_size: int
    past_end: str
    amount: str
    moves: dict[int, list[tuple[str, float]]] = field(default_factory=dict)
    """What happens to the list after its n-th answer: a number is `added` or `removed`, at this share of its length."""
    hidden: frozenset[int] = frozenset()
    """Numbers that are left out of their page after it was cut, so that it is shorter than others."""
    cap: int = 10**9
    """The largest total that is announced."""
    pages_at_once: int = 4
    limits: ApiLimits = field(default_factory=ApiLimits)

    def __post_init__(self) -> None:
        self.numbers = list(range(self.size))
        self.kept = set(self.numbers) - self.hidden
        self.answered = self.added = 0

    async def read(self, page_request: PageRequest, decode: Any, **_: Any) -> Any:
        answer = await self.answer(page_request, decode)
        self.answered += 1
        for kind, share in self.moves.get(self.answered, []):
            place = int(share * len(self.numbers))
            if kind == "removed" and self.numbers:
                self.kept.discard(self.numbers.pop(min(place, len(self.numbers) - 1)))
            elif kind == "added":
                self.added += 1
                self.numbers.insert(0 if share < 0.5 else len(self.numbers), 1_000_000 + self.added)
        return answer

    async def answer(self, page_request: PageRequest, decode: Any) -> Any:
        await asyncio.sleep(0)
        self.size = len(self.numbers)
        number, last = page_request.page or 1, max(1, -(-self.size // self.page_size))
        if number > last and self.past_end == "error":
            raise RequestError("past the end", frozenset({300}))
        if number > last and self.past_end in ("first", "last"):
            number = 1 if self.past_end == "first" else last
        cut = self.numbers[(number - 1) * self.page_size : number * self.page_size]
        records = [record for record in cut if record not in self.hidden]
        amounts = {"page": len(records), "total": self.size, "none": None}
        amount = amounts[self.amount]
        announced = None if amount is None else min(amount, self.cap)
        body = json.dumps(records).encode()
        return decode(Page(page_request.slice_, number, body, datetime.now(UTC), announced=announced))


def kept_by(server: Server, slice_: Slice, reader: PageReader | None = None) -> tuple[list[int], SliceResult]:
    """What reading a slice to its end keeps, and what it came to."""
    kept: list[int] = []

    def store(page: Numbers, new: pl.Series | None) -> None:
        kept.extend(page.hashes if new is None else page.hashes.filter(new))

    reader = reader or PageReader(cast("Client", server))
    return kept, asyncio.run(reader.read_pages(slice_, decode_numbers, store))


WHOLE = Slice(SESSIONS, "cam_1")
DAYS = Slice(SESSIONS, "cam_1", date(2026, 1, 1), date(2026, 1, 2))
MONTHS = Slice(SESSIONS, "cam_1", date(2026, 1, 1), date(2026, 6, 1))
NEWEST_FIRST = Slice(REGISTRATIONS, "dir_1")

small_pages = st.integers(1, 20)
known_pages = st.sampled_from([100, 101, 130, 5000])
"""Page sizes that a windowed read, which takes a very short page for the last, may meet."""


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    page_size=small_pages,
    past_end=st.sampled_from(["empty", "error", "first", "last"]),
    amount=st.sampled_from(["page", "total", "none"]),
)
@examples(40)
def test_every_record_of_every_slice_is_stored(sizes: list[int], page_size: int, past_end: str, amount: str) -> None:
    server = Server(0, page_size, past_end, amount)
    reader = PageReader(cast("Client", server))
    for size in sizes:
        server.numbers = list(range(size))
        kept, _ = kept_by(server, WHOLE, reader)
        assert set(kept) == set(range(size))


@given(
    size=st.integers(0, 700),
    page_size=known_pages,
    past_end=st.sampled_from(["empty", "error", "first", "last"]),
    amount=st.sampled_from(["page", "total", "none"]),
    hidden=st.sets(st.integers(0, 700), max_size=49),
    cap=st.one_of(st.integers(0, 800), st.just(10**12)),
    slice_=st.sampled_from([WHOLE, DAYS, MONTHS, NEWEST_FIRST]),
)
@examples(60)
def test_neither_a_short_page_nor_a_wrong_total_ends_a_list(
    size: int, page_size: int, past_end: str, amount: str, hidden: set[int], cap: int, slice_: Slice
) -> None:
    server = Server(size, page_size, past_end, amount, hidden=frozenset(hidden), cap=cap)
    kept, result = kept_by(server, slice_)
    shown = set(range(size)) - hidden
    assert set(kept) == shown
    assert result.records >= len(shown)
    assert not (result.ended_by_short_page and slice_.start is None)


@pytest.mark.parametrize("announced", [10**12, 10**300])
@pytest.mark.parametrize("past_end", ["empty", "error", "first", "last"])
def test_a_total_without_end_makes_no_request_without_end(announced: int, past_end: str) -> None:
    class Boasting(Server):
        async def answer(self, page_request: PageRequest, decode: Any) -> Any:
            return await super().answer(page_request, lambda page: decode(replace(page, announced=announced)))

    server = Boasting(250, 100, past_end, "total")
    kept, _ = kept_by(server, WHOLE)
    assert set(kept) == set(range(250))
    assert server.answered < 60


@pytest.mark.parametrize(
    ("slice_", "size", "requests"),
    [
        (DAYS, 0, 1),
        (DAYS, 2, 2),  # the first short pages of an endpoint are looked behind
        (WHOLE, 2, 2),  # what marks deletions sees the end itself
        (WHOLE, 49, 2),
        (DAYS, 51, 2),
        (WHOLE, 51, 2 * 2),
        (DAYS, 100, 2 * 2),
        (MONTHS, 51, 2),
        (NEWEST_FIRST, 3, 2),
    ],
)
def test_a_small_list_costs_no_request_too_many(slice_: Slice, size: int, requests: int) -> None:
    server = Server(size, 100, "empty", "page")
    kept_by(server, slice_)
    assert server.answered == requests


def test_short_pages_are_taken_for_the_last_once_some_were_seen_to_be() -> None:
    server = Server(0, 100, "empty", "page")
    reader = PageReader(cast("Client", server))
    for _ in range(20):
        for size in (0, 2, 49):
            server.numbers = list(range(size))
            kept, result = kept_by(server, DAYS, reader)
            assert set(kept) == set(range(size))
    assert server.answered <= 60 + 6
    assert result.ended_by_short_page


@given(sizes=st.lists(st.integers(0, 60), min_size=1, max_size=6), page_size=small_pages)
@examples(40)
def test_a_server_with_smaller_pages_than_any_known_loses_nothing(sizes: list[int], page_size: int) -> None:
    server = Server(0, page_size, "empty", "page")
    reader = PageReader(cast("Client", server))
    for size in [page_size + 1, *sizes]:
        server.numbers = list(range(size))
        assert set(kept_by(server, DAYS, reader)[0]) == set(range(size))


@given(
    size=st.integers(0, 60),
    page_size=st.integers(2, 20),
    past_end=st.sampled_from(["empty", "error", "last"]),
    amount=st.sampled_from(["page", "total", "none"]),
    moves=st.dictionaries(
        st.integers(1, 4),
        st.lists(st.tuples(st.sampled_from(["added", "removed"]), st.floats(0, 1)), min_size=1, max_size=3),
        max_size=2,
    ),
    slice_=st.sampled_from([WHOLE, DAYS, NEWEST_FIRST]),
)
@examples(50)
def test_what_is_there_all_the_while_is_kept_whatever_moves_around_it(
    size: int, page_size: int, past_end: str, amount: str, moves: dict[int, list[tuple[str, float]]], slice_: Slice
) -> None:
    size, page_size = size * 10, page_size * 50  # no page that is known is smaller than 100
    pages = max(1, -(-size // page_size))
    is_over = slice_.end is not None  # nothing is added to days that are over
    met = {n: [move for move in moves[n] if not (is_over and move[0] == "added")] for n in moves if n <= pages}
    server = Server(size, page_size, past_end, amount, met)
    kept, result = kept_by(server, slice_)
    assert set(kept) >= server.kept
    assert result.is_stable


@dataclass
class Failing(Server):
    """A server that refuses page `failing` for the first `times` requests as if the list were at its end."""

    failing: int = 2
    times: int = 1

    async def answer(self, page_request: PageRequest, decode: Any) -> Any:
        if (page_request.page or 1) == self.failing and self.times:
            self.times -= 1
            raise RequestError("refused", frozenset({300}))
        return await super().answer(page_request, decode)


@pytest.mark.parametrize("past_end", ["empty", "error"])
@pytest.mark.parametrize("amount", ["page", "total"])
@pytest.mark.parametrize("slice_", [MONTHS, NEWEST_FIRST])
def test_an_error_in_mid_list_is_not_taken_for_its_end(past_end: str, amount: str, slice_: Slice) -> None:
    kept, _ = kept_by(Failing(350, 100, past_end, amount, times=1), slice_)
    assert set(kept) == set(range(350))
    with pytest.raises(RequestError, match="refused"):
        kept_by(Failing(350, 100, past_end, amount, times=1000), slice_)
