"""What is about to become visible to analysts."""

from dataclasses import dataclass, field

import duckdb

REPORT = "report.html"
"""The page beside the database. It alone shows texts of the API, so that people are erased from it, too."""


@dataclass(frozen=True)
class PublishResult:
    """What a publish made visible: the rows of each table, and how many Parquet files had to be written.

    `seconds` says how long each step of it took; none if what is published was up to date.
    """

    rows: dict[str, int]
    files_written: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Publication:
    """A database that is published when its block is left; `result` is final from then on.

    `connection` is None if nothing has changed since the last publish, so that nothing is left to do.
    """

    connection: duckdb.DuckDBPyConnection | None
    result: PublishResult
    texts: dict[str, str] = field(default_factory=dict)

    def add_file(self, name: str, text: str) -> None:
        """Publish a text beside the database, in a file of this name."""
        self.texts[name] = text
