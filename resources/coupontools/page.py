"""One page of a list: what the client hands over, and what the page loop needs to know of it once it is decoded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import polars as pl

from resources.coupontools.requests import Slice


@dataclass(frozen=True)
class Page:
    """One good answer of the API."""

    slice_: Slice
    number: int
    """From 1."""
    records: bytes
    """The JSON array of its records."""
    requested_at: datetime
    """When it was requested, naive UTC."""
    records_key: str = ""
    """The key under which the records were in the answer; empty for a bare list or object."""
    announced: int | None = None
    """The number of results that the answer states: of the list, or of this page alone (API.md, section 5.3)."""


class DecodedPage(Protocol):
    """What the page loop needs to know of a page."""

    @property
    def records(self) -> int:
        """How many records the page held."""

    @property
    def hashes(self) -> pl.Series:
        """Hashes (UInt64) of its records, by which the loop recognises them on another page."""

    @property
    def keyless(self) -> int:
        """How many of the last hashes are of records without a readable key.

        Such a record is recognised by its text, which may differ in each answer, for example by the server's time.
        """

    @property
    def is_before_window(self) -> bool:
        """Whether all its records lie before the slice's first day, so that a newest-first list ends here for it."""
