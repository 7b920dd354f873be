"""What an alert says: which problems there are, and which are over."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from resources.alerts.ledger import Entry

MAX_PARAGRAPHS, MAX_SUBJECTS, MAX_TEXT = 8, 20, 500
"""Limits on paragraphs, on the subjects of each, and on the characters of its text."""

MAX_BODY = 1_800
"""Characters of all paragraphs: some services take 2,000 at a time."""


@dataclass(frozen=True)
class Message:
    """A title and a text of plain lines."""

    title: str
    body: str
    kind: Literal["failure", "success", "info"] = "info"


def compose(entries: Collection[Entry], place: str) -> Message:
    """Write the message about problems that have begun or ended; its last line, `place`, names the export."""
    begun = list(_paragraphs([entry for entry in entries if entry.ended is None], _describe_begun))
    ended = list(_paragraphs([entry for entry in entries if entry.ended is not None], _describe_ended))
    counts = [f"{len(begun)} problem{'s' if len(begun) > 1 else ''}"] if begun else []
    counts += [f"{len(ended)} resolved"] if ended else []
    paragraphs = begun + ended
    if (more := len(paragraphs) - MAX_PARAGRAPHS) > 0:
        paragraphs[MAX_PARAGRAPHS:] = [f"And {more} more."]
    body = "\n\n".join([_cut("\n\n".join(paragraphs), MAX_BODY), place])
    return Message(f"Coupontools export: {', '.join(counts)}", body, "failure" if begun else "success")


def _paragraphs(entries: Collection[Entry], describe: Callable[[str, Entry], str]) -> Iterator[str]:
    """Write one paragraph for all subjects that have the same problem."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.text, entry.where), []).append(entry)
    for same in groups.values():
        more = [f"{len(same) - MAX_SUBJECTS} more"] if len(same) > MAX_SUBJECTS else []
        yield describe(", ".join([*(entry.subject for entry in same[:MAX_SUBJECTS]), *more]), same[0])


def _describe_begun(subjects: str, entry: Entry) -> str:
    return f"{subjects}{_where(entry)}, {_minute(entry.since)}:\n{_cut(entry.text, MAX_TEXT)}"


def _describe_ended(subjects: str, entry: Entry) -> str:
    ended = f" at {_minute(entry.ended)}" if entry.ended else ""
    began = f"It began at {_minute(entry.since)}{_where(entry)}:\n{_cut(entry.text, MAX_TEXT)}"
    return f"{subjects}: resolved{ended}. {began}"


def _where(entry: Entry) -> str:
    return f" ({entry.where})" if entry.where else ""


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
