"""The failure of a command for more than one reason."""

from collections.abc import Sequence

import click


class CommandFailure(click.ClickException):
    """A command has failed; the terminal shows each of its `reasons` as an error of its own."""

    def __init__(self, reasons: Sequence[str]) -> None:
        """Take the reasons in the order in which they are shown, each of them once."""
        self.reasons = tuple(dict.fromkeys(reasons))
        super().__init__("\n".join(self.reasons))
