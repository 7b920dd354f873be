"""The page loop, property-based: whatever the server's habits, every record is handed on, and the loop ends."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.coupontools.client import Client
from resources.coupontools.endpoints import choose
from resources.coupontools.envelope import Answer
from resources.coupontools.errors import RequestError
from resources.coupontools.paging import Page, Reader, Taken
from resources.coupontools.questions import Question, Unit

SESSIONS = choose("")["sessions"]


@dataclass
class Server:
    """A list of numbers, paged in some way that the documentation does not exclude."""

    size: int
    page_size: int
    past_end: str
    amount: str

    async def read(self, question: Question, decode: Any) -> Any:
        await asyncio.sleep(0)
        number, last = question.page or 1, max(1, -(-self.size // self.page_size))
        if number > last and self.past_end == "error":
            raise RequestError("past the end", frozenset({300}))
        if number > last and self.past_end in ("first", "last"):
            number = 1 if self.past_end == "first" else last
        records = list(range(self.size))[(number - 1) * self.page_size : number * self.page_size]
        amounts = {"page": len(records), "total": self.size, "none": None}
        return decode(Answer(json.dumps(records).encode(), amounts[self.amount]), datetime.now(UTC))


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    page_size=st.integers(1, 20),
    past_end=st.sampled_from(["empty", "error", "first", "last"]),
    amount=st.sampled_from(["page", "total", "none"]),
)
@settings(max_examples=300, deadline=None)
def test_every_record_of_every_unit_is_handed_on(sizes: list[int], page_size: int, past_end: str, amount: str) -> None:
    async def read() -> None:
        server = Server(0, page_size, past_end, amount)
        reader = Reader(cast("Client", server))
        for size in sizes:
            taken: list[int] = []

            def take(page: Page, taken: list[int] = taken) -> Taken:
                numbers = json.loads(page.records)
                taken.extend(numbers)
                return Taken(len(numbers), pl.Series(numbers, dtype=pl.UInt64))

            server.size = size
            await reader.read(Unit(SESSIONS, "cam_1"), take)
            assert set(taken) == set(range(size))

    asyncio.run(read())
