"""Makes paths that DuckDB takes literally: some characters in the names of folders mean something else to it.

It expands `*`, `?` and `[` where it reads files, takes a backslash for a separator, and writes the log of a database
to the part of its path before the first `?`, with ".wal" appended. No setting prevents that.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

_SPECIAL_CHARACTERS = frozenset("*?[\\")

_links: dict[Path, TemporaryDirectory[str]] = {}
"""A temporary folder with the link to each folder or file that has such a character in its name.

They belong to the process: an owner would have to be given to every function that writes the name of a file in SQL. The
DuckDB of the process (`local/database_file.py`) works for one database at a time, and drops them with it.
"""


def plain_path(path: str | Path) -> str:
    """Return a path to the same file without such characters: through a link, if needed, which `drop_links` deletes."""
    if _SPECIAL_CHARACTERS.isdisjoint(str(path)):
        return str(path)
    path = Path(path)
    odd = next(part for part in (path, *path.parents) if not _SPECIAL_CHARACTERS.isdisjoint(part.name))
    if odd not in _links:
        made = TemporaryDirectory(prefix="coupontools-")
        Path(made.name, "link").symlink_to(odd)
        _links[odd] = made
    return str(Path(_links[odd].name, "link", path.relative_to(odd)))


def drop_links() -> bool:
    """Delete the links of `plain_path`; returns whether there were any."""
    had_any = bool(_links)
    while _links:
        _links.popitem()[1].cleanup()
    return had_any
