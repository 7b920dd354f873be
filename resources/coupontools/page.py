"""One page of an answer, as it is handed on to be read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from resources.coupontools.envelope import Answer
from resources.coupontools.requests import Slice

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """One answer: the JSON array of its records, and when (naive UTC) it was asked for."""

    slice_: Slice
    number: int
    records: bytes
    requested_at: datetime
    place: str = ""
    """The key under which the records were in the answer."""


def read_page(
    slice_: Slice, number: int, read: Callable[[Page], T], answer: Answer, asked_at: datetime
) -> tuple[T, int | None]:
    """What `read` makes of an answer's page, and the amount of results that it announces."""
    return read(Page(slice_, number, answer.records, asked_at, answer.place)), answer.amount
