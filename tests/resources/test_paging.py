"""The page loop, property-based: whatever the server's habits, every record is handed on, and the loop ends."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.coupontools.client import Client
from resources.coupontools.endpoints import choose
from resources.coupontools.envelope import Answer
from resources.coupontools.errors import RequestError
from resources.coupontools.page import Page
from resources.coupontools.paging import Reader, Reads, Taken
from resources.coupontools.questions import Question, Unit

SESSIONS = choose("")["sessions"]
REGISTRATIONS = choose("")["directory_registrations"]


def records_of(page: Page) -> list[int]:
    return list(json.loads(page.records))


@dataclass
class Server:
    """A list of numbers, paged in some way that the documentation does not exclude."""

    size: int
    page_size: int
    past_end: str
    amount: str
    moves: dict[int, list[tuple[str, float]]] = field(default_factory=dict)
    """What happens to the list after its n-th answer: a number is `added` or `removed`, at this share of its length."""

    def __post_init__(self) -> None:
        self.numbers = list(range(self.size))
        self.kept = set(self.numbers)
        self.answered = self.added = 0

    async def read(self, question: Question, decode: Any) -> Any:
        answer = await self.answer(question, decode)
        self.answered += 1
        for kind, share in self.moves.get(self.answered, []):
            place = int(share * len(self.numbers))
            if kind == "removed" and self.numbers:
                self.kept.discard(self.numbers.pop(min(place, len(self.numbers) - 1)))
            elif kind == "added":
                self.added += 1
                self.numbers.insert(0 if share < 0.5 else len(self.numbers), 1000 + self.added)
        return answer

    async def answer(self, question: Question, decode: Any) -> Any:
        await asyncio.sleep(0)
        self.size = len(self.numbers)
        number, last = question.page or 1, max(1, -(-self.size // self.page_size))
        if number > last and self.past_end == "error":
            raise RequestError("past the end", frozenset({300}))
        if number > last and self.past_end in ("first", "last"):
            number = 1 if self.past_end == "first" else last
        records = self.numbers[(number - 1) * self.page_size : number * self.page_size]
        amounts = {"page": len(records), "total": self.size, "none": None}
        return decode(Answer(json.dumps(records).encode(), amounts[self.amount]), datetime.now(UTC))


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    page_size=st.integers(1, 20),
    past_end=st.sampled_from(["empty", "error", "first", "last"]),
    amount=st.sampled_from(["page", "total", "none"]),
)
@settings(max_examples=100, deadline=None)
def test_every_record_of_every_unit_is_handed_on(sizes: list[int], page_size: int, past_end: str, amount: str) -> None:
    async def read() -> None:
        server = Server(0, page_size, past_end, amount)
        reader = Reader(cast("Client", server))
        for size in sizes:
            taken: list[int] = []

            def take(numbers: list[int], taken: list[int] = taken) -> Taken:
                taken.extend(numbers)
                return Taken(len(numbers), pl.Series(numbers, dtype=pl.UInt64))

            server.numbers = list(range(size))
            await reader.read(Unit(SESSIONS, "cam_1"), Reads(records_of, take))
            assert set(taken) == set(range(size))

    asyncio.run(read())


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
    unit=st.sampled_from(
        [Unit(SESSIONS, "c"), Unit(SESSIONS, "c", date(2026, 1, 1), date(2026, 1, 2)), Unit(REGISTRATIONS, "d")]
    ),
)
@settings(max_examples=150, deadline=None)
def test_what_is_there_all_the_while_is_kept_whatever_moves_around_it(
    size: int, page_size: int, past_end: str, amount: str, moves: dict[int, list[tuple[str, float]]], unit: Unit
) -> None:
    async def read() -> None:
        pages = max(1, -(-size // page_size))
        is_over = unit.end is not None  # nothing is added to days that are over
        met = {n: [each for each in moves[n] if not (is_over and each[0] == "added")] for n in moves if n <= pages}
        server = Server(size, page_size, past_end, amount, met)
        kept: list[int] = []

        def take(found: list[int]) -> Taken:
            numbers = pl.Series(found, dtype=pl.UInt64)
            return Taken(
                len(numbers),
                numbers,
                keep=lambda new: kept.extend(numbers if new is None else numbers.filter(new)),
            )

        reading = await Reader(cast("Client", server)).read(unit, Reads(records_of, take))
        assert set(kept) >= server.kept
        assert reading.at_rest

    asyncio.run(read())


@dataclass
class Failing(Server):
    """A server that refuses page `failing` for the first `times` requests as if the list were at its end."""

    failing: int = 2
    times: int = 1

    async def answer(self, question: Question, decode: Any) -> Any:
        if (question.page or 1) == self.failing and self.times:
            self.times -= 1
            raise RequestError("refused", frozenset({300}))
        return await super().answer(question, decode)


@pytest.mark.parametrize("past_end", ["empty", "error"])
@pytest.mark.parametrize("amount", ["page", "total"])
@pytest.mark.parametrize("unit", [Unit(SESSIONS, "c", date(2026, 1, 1), date(2026, 6, 1)), Unit(REGISTRATIONS, "d")])
def test_an_error_in_mid_list_is_not_taken_for_its_end(past_end: str, amount: str, unit: Unit) -> None:
    async def read(times: int) -> set[int]:
        kept: set[int] = set()

        def take(numbers: list[int]) -> Taken:
            return Taken(len(numbers), pl.Series(numbers, dtype=pl.UInt64), keep=lambda _: kept.update(numbers))

        server = Failing(35, 10, past_end, amount, times=times)
        await Reader(cast("Client", server)).read(unit, Reads(records_of, take))
        return kept

    assert asyncio.run(read(1)) == set(range(35))
    with pytest.raises(RequestError, match="refused"):
        asyncio.run(read(1000))
