"""Records what each receiver of alerts was sent, so that it is sent a problem once, and once more when it is over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from resources.alerts.cleaning import clean


@dataclass(frozen=True)
class Problem:
    """What is wrong with a table, a check or a run."""

    key: str
    """Its kind and a name, which identify the problem the next time: `table coupon_sessions`."""
    subject: str
    """Its name, as people read it."""
    text: str
    """What happened and what to do, in one line without secrets."""
    where: str = ""
    """Which days, which run."""


class Entry(msgspec.Struct):
    """A problem, when it began and ended (UTC), and which receivers await its end."""

    subject: str
    text: str
    where: str
    since: datetime
    ended: datetime | None = None
    sent: dict[str, bool] = msgspec.field(default_factory=dict)
    """By receiver: whether it has accepted the message of the problem; removed once it accepts that it is over."""

    def is_unknown_to(self, receiver: str) -> bool:
        """Return whether a receiver is to be sent that the problem has begun, or that it is over."""
        return receiver in self.sent if self.ended else not self.sent.get(receiver)

    def note_sent(self, receiver: str, *, is_taken: bool) -> None:
        """Note that a receiver was sent the current state, and whether it has taken that."""
        if self.ended is None:
            self.sent[receiver] = is_taken
        elif is_taken:
            self.sent.pop(receiver, None)


class Ledger(msgspec.Struct):
    """The problems that are open, or whose end somebody awaits."""

    entries: dict[str, Entry] = msgspec.field(default_factory=dict)

    def note(self, problem: Problem) -> None:
        """Add a problem, unless it is open already, even if its text differs this time."""
        known = self.entries.get(problem.key)
        if known is None or known.ended is not None:
            # whoever has not taken the end of the former one still takes the problem for open
            informed = {receiver: True for receiver, is_taken in known.sent.items() if is_taken} if known else {}
            self.entries[problem.key] = Entry(
                clean(problem.subject), clean(problem.text), clean(problem.where), datetime.now(UTC), sent=informed
            )

    def settle(self, keys: Iterable[str]) -> None:
        """Mark the problems with these keys as over."""
        for key in keys:
            entry = self.entries.get(key)
            if entry is not None and entry.ended is None:
                entry.ended = datetime.now(UTC)

    def unknown_to(self, receiver: str) -> list[Entry]:
        """Return the entries whose current state a receiver is to be sent."""
        return [entry for entry in self.entries.values() if entry.is_unknown_to(receiver)]

    def count_open(self) -> int:
        """Count the problems that are not over."""
        return sum(entry.ended is None for entry in self.entries.values())

    def drop_settled(self) -> None:
        """Drop the problems that are over and whose end nobody awaits."""
        self.entries = {key: entry for key, entry in self.entries.items() if entry.ended is None or entry.sent}


def kind_of(key: str) -> str:
    """Return the kind of a problem."""
    return key.partition(" ")[0]
