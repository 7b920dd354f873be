"""How texts from outside are shown to people: on the terminal, in logs, in Dagster, in errors and in the report."""

import re
from collections.abc import Collection

MAX_NAMED = 30
MAX_NAME_LENGTH = 80

_HARMFUL = re.compile(
    "["
    "\0-\x1f\x7f-\x9f"  # controls: what a terminal obeys, ends of lines
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the direction of the text after them
    "\u2028\u2029"  # ends of lines and paragraphs
    "\ud800-\udfff"  # lone surrogates, which no encoding takes
    "]"
)


def make_printable(text: str) -> str:
    r"""Return the text on one line, with control characters and line ends as escapes, such as `\u001b`."""
    return _HARMFUL.sub(lambda harmful: f"\\u{ord(harmful[0]):04x}", text)


def make_lines_printable(text: str) -> str:
    """Make each line of a text printable, and keep the line ends."""
    return "\n".join(map(make_printable, text.split("\n")))


def join_names(things: Collection[str]) -> str:
    """Join sorted names for a message: at most MAX_NAMED of them, each cut after MAX_NAME_LENGTH characters."""
    shown = [
        make_printable(name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…")
        for name in sorted(things)[:MAX_NAMED]
    ]
    more = [f"and {len(things) - MAX_NAMED:,} more"] if len(things) > MAX_NAMED else []
    return ", ".join(shown + more) or "none"
