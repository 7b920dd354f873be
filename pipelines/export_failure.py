"""The failure of an export: what the terminal shows of it, and what alerts say."""

import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from assets.errors import describe
from pipelines.command_failure import CommandFailure
from resources.alerts.ledger import Problem

START, TABLE, CHECK, PUBLISH = "start", "table", "check", "publish"
"""The kinds of problems of an export, in the order in which it meets them."""

UNTIL_IT_PASSES = "Nothing new is published until it passes; what is published stays as it was."
"""What alerts add to the message of a failed check."""


@dataclass(frozen=True)
class FailedPart:
    """A table, a check or a step of an export that has failed."""

    problem: Problem
    reason: str
    """What the terminal shows: one line, several for an unexpected error."""

    @classmethod
    def by_error(cls, kind: str, subject: str, error: Exception, where: str = "") -> Self:
        """Describe an error; of an unexpected one, an alert says only the type."""
        line = describe(error)
        text = line or (
            f"An unexpected error ({type(error).__name__}): the output of the command shows it. Please report it."
        )
        reason = line or f"Unexpected error, please report it: {''.join(traceback.format_exception(error))}"
        return cls(Problem(f"{kind} {subject}", subject, text, where), reason)

    @classmethod
    def by_check(cls, subject: str, line: str, where: str) -> Self:
        """Take the description of a check that keeps everything from being published."""
        return cls(Problem(f"{CHECK} {subject}", subject, f"{line} {UNTIL_IT_PASSES}", where), line)


class ExportFailure(CommandFailure):
    """Parts of an export have failed."""

    def __init__(self, parts: Sequence[FailedPart], tried: Collection[str]) -> None:
        """Take the failed parts, and the kinds of problems that were looked for: others of these kinds are over."""
        super().__init__([part.reason for part in parts])
        self.problems = [part.problem for part in parts]
        self.tried = frozenset(tried)
