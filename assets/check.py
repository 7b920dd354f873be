"""A check of a table, and what its evaluation has found; `assets/check_results.py` shows both to Dagster."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A check of a table."""

    table: str
    name: str
    description: str
    is_blocking: bool = False
    """Whether nothing is published while it has failed; without that it only warns."""


@dataclass(frozen=True)
class Evaluation:
    """What the evaluation of a check has found."""

    check: Check
    passed: bool
    warehouse: str
    """The id of the warehouse that was looked at."""
    figures: Mapping[str, str | int | float | None]
    """What was counted, by what it is."""
    description: str | None = None
    """What is wrong; None where nothing is."""

    @property
    def has_failed(self) -> bool:
        """Whether it keeps a run from publishing, which a warning does not."""
        return not self.passed and self.check.is_blocking


def describe_failed(evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Describe the checks that keep a run from publishing, a line for each, by check and table."""
    failed = {f"{one.check.name} of {one.check.table}": one.description for one in evaluations if one.has_failed}
    return {name: f"Check {name} has failed. {description or ''}".rstrip() for name, description in failed.items()}
