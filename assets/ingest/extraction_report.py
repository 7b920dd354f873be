"""The report of an extraction: counts, messages, and which reads were complete."""

from dataclasses import dataclass, field

from resources.coupontools.client import Traffic
from resources.warehouse.deletions import CompleteParentList, CompleteRead


@dataclass
class ExtractionReport:
    """Counts and messages of the extraction of a table, filled in while its slices are read."""

    traffic: Traffic
    slices: int
    """How many slices there are to read."""
    resumed: int = 0
    """How many of them a dead run had already read."""
    finished: int = 0
    """How many of them this run has read."""
    parents: int = 0
    """How many parents the slices belong to."""
    parents_finished: int = 0
    """How many of the parents have all their slices read."""
    outside_window: int = 0
    """How many records were left out because they lie outside their slice's days."""
    records: int = 0
    """How many records were read so far."""
    records_keys: set[str] = field(default_factory=set)
    """The keys under which records were found in the answers."""
    new_fields: set[str] = field(default_factory=set)
    """The undeclared fields that were found, dotted, as far as their names may be shown."""
    deleted: list[str] = field(default_factory=list)
    """The parents that are no longer in the account."""
    not_found: list[str] = field(default_factory=list)
    """The parents that were answered with a bare HTTP 404, which may also mean that the endpoint does not exist."""
    not_available: list[str] = field(default_factory=list)
    """Messages: which parts the account does not have."""
    incomplete: list[str] = field(default_factory=list)
    """Messages: which lists gave fewer records than the API announces."""
    unreadable: list[str] = field(default_factory=list)
    """Messages: which answers could not be read, which fails the table."""
    unstable: list[str] = field(default_factory=list)
    """The slices that changed while they were read."""
    recovered: int = 0
    """How many records were found only when a slice was read again."""
    ended_by_short_page: int = 0
    """How many lists were taken to end with a very short page."""
    complete_reads: list[CompleteRead | CompleteParentList] = field(default_factory=list)
    """What was read so that nothing of it can have been missed: the evidence for deletions."""
    announced: int = 0
    """How many records the API announced, where it did."""
    seconds: float = 0.0
