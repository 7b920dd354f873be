"""Records in the stage what was published, so that changed files are found without opening them, and written again.

`_state.files` has the size and time of each published file.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

import duckdb

from resources.warehouse.local.folder import Folder


@dataclass(frozen=True)
class Inventory:
    """The published files, named below the data folder: the `intact` ones, and those that have `changed` since."""

    intact: frozenset[Path] = frozenset()
    changed: frozenset[Path] = frozenset()

    def below(self, names: Collection[Path], folder: Path) -> set[Path]:
        """Return the names that lie in a folder, relative to it."""
        return {name.relative_to(folder) for name in names if name.is_relative_to(folder)}


def note_files(connection: duckdb.DuckDBPyConnection, folder: Folder, others: Sequence[str]) -> None:
    """Record the published Parquet files, and the `others` beside them, as they are now."""
    connection.execute("DELETE FROM _state.files")
    _insert(connection, folder, [folder.root / name for name in others] + sorted(folder.parquet.rglob("*.parquet")))


def renew_notes(connection: duckdb.DuckDBPyConnection, folder: Folder, intact: Iterable[Path]) -> None:
    """Record the files that were `intact` as they are now; the others are still known to have changed."""
    names = sorted(name for name in intact if (folder.root / name).is_file())
    connection.execute("DELETE FROM _state.files WHERE list_contains(?::VARCHAR[], name)", [list(map(str, names))])
    _insert(connection, folder, [folder.root / name for name in names])


def _insert(connection: duckdb.DuckDBPyConnection, folder: Folder, files: Sequence[Path]) -> None:
    states = [file.stat() for file in files]
    connection.execute(
        "INSERT INTO _state.files SELECT unnest(?::VARCHAR[]), unnest(?::BIGINT[]), unnest(?::BIGINT[])",
        [
            [str(file.relative_to(folder.root)) for file in files],
            [state.st_size for state in states],
            [state.st_mtime_ns for state in states],
        ],
    )


def take_inventory(connection: duckdb.DuckDBPyConnection, folder: Folder) -> Inventory:
    """Compare what was published with what lies there."""
    intact, changed = set[Path](), set[Path]()
    for name, size, modified in connection.execute("SELECT name, size, modified FROM _state.files").fetchall():
        file = folder.database.resolve() if name == folder.database.name else folder.root / name
        (intact if _is_intact(file, size, modified) else changed).add(Path(name))
    return Inventory(frozenset(intact), frozenset(changed))


def _is_intact(file: Path, size: int, modified: int) -> bool:
    try:
        state = file.lstat()
    except OSError:
        return False
    return S_ISREG(state.st_mode) and (state.st_size, state.st_mtime_ns) == (size, modified)
