"""Database files of the folder, and the DuckDB of this process that works on them."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import duckdb

from resources.files import PRIVATE_FILE, move_into_place, remove_tree
from resources.warehouse.duckdb_settings import STORAGE_VERSION, read_duckdb_settings, read_memory_limit
from resources.warehouse.paths import drop_links, plain_path
from resources.warehouse.sql import quoted_text

MIN_MEMORY_MB = 256
"""Megabytes of memory that DuckDB may use for little data; it puts the rest on disk."""

MAX_MEMORY_MB = 640
"""The same for much data."""

NEVER = "1TB"
"""Size of a log that none reaches, so that there is a checkpoint only where one is requested."""


class LocalDuckDB:
    """The DuckDB of this process, kept once started: starting one takes ten times as long as opening a database."""

    def __init__(self, spill: Path) -> None:
        """Keep the folder for what does not fit its memory; nothing is started yet."""
        self._spill = spill
        self._duckdb: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def open(self, database: Path, incoming: Sequence[str] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
        """Connect to a database file, one at a time, to read and write it, and to merge the `incoming` files."""
        try:
            with writable(database) as path, self._start().cursor() as connection:
                connection.execute(f"ATTACH {quoted_text(path)} AS opened (STORAGE_VERSION '{STORAGE_VERSION}')")
                connection.execute("USE opened")
                connection.execute(f"SET memory_limit = '{read_memory_limit(_choose_memory_mb([path, *incoming]))}'")
                yield connection
                connection.execute("CHECKPOINT")  # DETACH leaves what is in the log there
                connection.execute("USE memory")
                connection.execute("DETACH opened")
        except BaseException:  # a DuckDB that has failed may be unusable
            self.close()
            raise
        finally:
            had_links = drop_links()
        if had_links or self._spill.exists():  # the next writer deletes it, and this DuckDB would fail without it
            self.close()

    def close(self) -> None:
        """Stop it; the next database that is opened starts another."""
        if self._duckdb is not None:
            self._duckdb.close()
            self._duckdb = None

    def _start(self) -> duckdb.DuckDBPyConnection:
        if self._duckdb is None:
            settings = {"temp_directory": plain_path(self._spill), "checkpoint_threshold": NEVER}
            self._duckdb = duckdb.connect(config={**read_duckdb_settings(MIN_MEMORY_MB), **settings})
            self._duckdb.execute("PRAGMA disable_checkpoint_on_shutdown")
        return self._duckdb


def _choose_memory_mb(files: Sequence[str]) -> int:
    """Return as much as the files are large, within the bounds: large merges fit, and what is read again stays."""
    size = sum(Path(file).stat().st_size for file in files)
    return min(max(MIN_MEMORY_MB, size // 1_000_000), MAX_MEMORY_MB)


def write_compact(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Write a copy of the opened database, without its unused blocks and what may be left in them."""
    with writable(target) as path:
        connection.execute(f"ATTACH {quoted_text(path)} AS compacted (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("COPY FROM DATABASE opened TO compacted")
        connection.execute("CHECKPOINT compacted")
        connection.execute("DETACH compacted")


@contextmanager
def open_read_only(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Connect to a database file that no process writes, in a DuckDB of its own."""
    try:
        with duckdb.connect() as connection:
            # attached, as `connect` follows a link first, and then takes a backslash for a separator
            connection.execute(f"ATTACH {quoted_text(plain_path(database))} AS published (READ_ONLY)")
            connection.execute("USE published")
            yield connection
    finally:
        drop_links()


@contextmanager
def writable(database: Path) -> Iterator[str]:
    """Yield a path where DuckDB can write a database: below a folder with a `?` in its name, that of a copy.

    The copy replaces the database, in one rename, if nothing fails. Copies that killed processes have left of this
    database are deleted.
    """
    if "?" not in str(database.resolve()):
        yield plain_path(database)
        return
    prefix = f"coupontools-{sha256(str(database.resolve()).encode()).hexdigest()[:16]}-"
    for left_over in Path(gettempdir()).glob(f"{prefix}*"):
        with suppress(PermissionError):  # of another user
            remove_tree(left_over)
    with TemporaryDirectory(prefix=prefix) as elsewhere:
        copy, unfinished = Path(elsewhere, database.name), database.with_name(f"{database.name}.tmp")
        mode = PRIVATE_FILE
        if database.exists():
            mode = database.stat().st_mode
            shutil.copyfile(database, copy)
        yield str(copy)
        shutil.copyfile(copy, unfinished)
        unfinished.chmod(mode)
        move_into_place(unfinished, database)
