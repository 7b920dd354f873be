"""Who waits for a run, as a Dagster resource, and what the run hands back to whoever started it in this process."""

from dataclasses import dataclass, field

import dagster as dg

from resources.warehouse.publication import PublishResult


@dataclass
class Outcome:
    """What the steps of a run came to, noted by each of them."""

    published: PublishResult | None = None
    rejected: dict[str, int] = field(default_factory=dict)
    """The rows that were added to the quarantine, by table."""


class RunMode(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Whether a person waits for the run.

    Both are set where resources are made; a dependency is no config, so that no run can set them.
    """

    interactive: dg.ResourceDependency[bool] = False  # type: ignore[assignment]  # a descriptor only to mypy
    """A person waits at a terminal: no step is tried again later, and no picture is drawn for Dagster's pages."""
    outcome: dg.ResourceDependency[Outcome | None] = None  # type: ignore[assignment]  # a descriptor only to mypy
    """Where the run notes what it came to, for the process that started it."""

    def note_rejected(self, table: str, rows: int) -> None:
        """Note how many rows a table has added to the quarantine."""
        if self.outcome:
            self.outcome.rejected[table] = rows

    def note_published(self, published: PublishResult) -> None:
        """Note what was published."""
        if self.outcome:
            self.outcome.published = published
