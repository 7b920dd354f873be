"""What is learnt, while an endpoint is read, of the very short pages that may be taken for the last of their list."""

from dataclasses import dataclass

MIN_PAGE_SIZE = 100
"""The smallest number of records on a full page that is known of any list (API.md, sections 5.3 and 5.19)."""

MIN_CONFIRMATIONS = 3


@dataclass
class ShortPages:
    """The very short first pages of an endpoint of which the next page was asked for all the same.

    `largest` of them held so many records, and `confirmed` counts how often a page of that size was the last; one that
    was not shows a server whose full pages are smaller than any known, so that its short pages say nothing.
    """

    largest: int = 0
    confirmed: int = 0
    mislead: bool = False

    def note(self, records: int, *, is_last: bool) -> None:
        """Learn of a very short first page whether the list ended with it."""
        self.mislead |= not is_last
        if records > self.largest:
            self.largest, self.confirmed = records, 0
        self.confirmed += records == self.largest

    def say_it_is_the_last(self, records: int) -> bool:
        """Whether a very short first page with so many records may be taken for the last without asking."""
        is_known = records < self.largest or (records == self.largest and self.confirmed >= MIN_CONFIRMATIONS)
        return is_known and not self.mislead


def is_very_short(records: int) -> bool:
    """Whether a page has fewer records than a full page can have, even if half of them are hidden."""
    return records < MIN_PAGE_SIZE / 2
