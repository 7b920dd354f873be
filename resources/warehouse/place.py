"""Where a warehouse is, for error messages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """The path or address of a warehouse, without secrets.

    `kind` says what it is, a folder or a database, and `setting` which variable names it, so that errors can say how to
    use another one.
    """

    address: str
    kind: str
    setting: str

    @property
    def name(self) -> str:
        """What errors call it, at the beginning of a sentence."""
        return f"The {self.kind} {self.address}"
