"""Records what each receiver of alerts was sent, so that it is sent a problem once, and once more when it is over."""

from collections.abc import Collection, Iterable
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

    @property
    def kind(self) -> str:
        """Its kind: the first word of the key."""
        return kind_of(self.key)


class Entry(msgspec.Struct):
    """A problem, when it began and ended (UTC), and the names of the receivers that know its current state."""

    subject: str
    text: str
    where: str
    since: datetime
    ended: datetime | None = None
    informed: list[str] = msgspec.field(default_factory=list)


class Ledger(msgspec.Struct):
    """The problems that not every receiver knows to be over."""

    entries: dict[str, Entry] = msgspec.field(default_factory=dict)

    def note(self, problem: Problem) -> None:
        """Add a problem, unless it is open already, even if its text differs this time."""
        known = self.entries.get(problem.key)
        if known is None or known.ended is not None:
            self.entries[problem.key] = Entry(
                clean(problem.subject), clean(problem.text), clean(problem.where), datetime.now(UTC)
            )

    def settle(self, keys: Iterable[str]) -> None:
        """Mark the problems with these keys as over."""
        for key in keys:
            entry = self.entries.get(key)
            if entry is not None and entry.ended is None:
                entry.ended, entry.informed = datetime.now(UTC), []

    def unknown_to(self, receiver: str) -> list[Entry]:
        """Return the entries whose current state a receiver has not been sent."""
        return [entry for entry in self.entries.values() if receiver not in entry.informed]

    def drop_settled(self, receivers: Collection[str]) -> None:
        """Drop the problems that all receivers know to be over."""
        self.entries = {
            key: entry
            for key, entry in self.entries.items()
            if entry.ended is None or not set(receivers).issubset(entry.informed)
        }


def kind_of(key: str) -> str:
    """Return the kind of a problem."""
    return key.partition(" ")[0]
