"""What was learnt of an endpoint's paging by reading it: the size of its pages, and what its counts mean."""

from dataclasses import dataclass

MIN_PAGE_SIZE = 100
"""Records on a full page, at least, of every list that is known (API.md, sections 5.3 and 5.19)."""

MIN_CONFIRMATIONS = 3
"""How often a short first page of one size must have been the last until another one of that size counts as the last
without a request for the next."""


@dataclass
class EndpointPaging:
    """Knowledge of an endpoint's paging, shared by all slices of it that are read."""

    longest_page: int = 0
    """Records on the longest page so far."""
    is_amount_of_list: bool = False
    """Whether the announced number was found to count the list, not the page."""
    longest_short_page: int = 0
    """Records on the longest very short first page after which the next page was requested."""
    confirmations: int = 0
    """How often a page of that length was the last."""
    has_small_pages: bool = False
    """Whether a very short first page was not the last: full pages are small, so a short one is no hint."""

    def note_page(self, records: int) -> None:
        """Note the length of a page."""
        self.longest_page = max(self.longest_page, records)

    def note_short_page(self, records: int, *, is_last: bool) -> None:
        """Note whether the list ended with a very short first page."""
        self.has_small_pages |= not is_last
        if records > self.longest_short_page:
            self.longest_short_page, self.confirmations = records, 0
        self.confirmations += records == self.longest_short_page

    def is_last_if_short(self, records: int) -> bool:
        """Whether a very short first page may be taken for the last without requesting the next."""
        is_confirmed = records == self.longest_short_page and self.confirmations >= MIN_CONFIRMATIONS
        return (records < self.longest_short_page or is_confirmed) and not self.has_small_pages


def is_very_short(records: int) -> bool:
    """Whether a page has fewer records than a full page, even if half of that one's records are hidden."""
    return records < MIN_PAGE_SIZE / 2
