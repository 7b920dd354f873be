"""Decodes an answer: its envelope, then its records."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from resources.coupontools.envelope import Answer, Failure, parse_answer, parse_around_records
from resources.coupontools.errors import ShapeError
from resources.coupontools.page import Page
from resources.coupontools.requests import PageRequest

T = TypeVar("T")


@dataclass(frozen=True)
class AnswerDecoder(Generic[T]):
    """Decodes the answers to a request."""

    page_request: PageRequest
    decode: Callable[[Page], T]
    """Decodes the records. Raises ShapeError."""
    checks_json: bool = False
    """Whether `decode` raises ShapeError for anything but a JSON array; the records need not be parsed before then."""

    def decode_answer(self, body: bytes, status: int, requested_at: datetime) -> T | Failure:
        """Decode an answer with this HTTP status. Raises ShapeError if its shape is not known."""
        endpoint = self.page_request.slice_.endpoint
        if self.checks_json and (large := parse_around_records(body, status, endpoint)):
            with suppress(ShapeError):
                return self._decode_records(large, requested_at)
        answer = parse_answer(body, status, endpoint, self.page_request.page or 1)
        return answer if isinstance(answer, Failure) else self._decode_records(answer, requested_at)

    def _decode_records(self, answer: Answer, requested_at: datetime) -> T:
        slice_, number = self.page_request.slice_, self.page_request.page or 1
        return self.decode(Page(slice_, number, answer.records, requested_at, answer.records_key, answer.announced))
