"""The inbox: events on disk, from their receipt until a run has merged them.

Each file holds the events of one moment as rows, and its name says what is known of them: `verified` came from the API,
`waiting` may have, `refused` did not. A file is there completely or not at all, also if the power fails; receivers and
runs work on it side by side, and what changes a file that is there holds the lock.

The files are those of one machine: the receiver and the runs that merge must see the same folder.
"""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import Literal, cast, get_args

import polars as pl

from resources.file_lock import FileLock
from resources.files import PRIVATE, PRIVATE_FILE, sync
from resources.warehouse.errors import WarehouseError

State = Literal["verified", "waiting", "refused"]
STATES: tuple[State, ...] = get_args(State)

VERDICTS: Mapping[State, bool | None] = {"verified": True, "refused": False, "waiting": None}
"""Whether Coupontools has sent the events of a file in each state; None if that is not known yet."""

MAX_FILES, MAX_BYTES = 50_000, 2_000_000_000
"""How much may wait to be merged; beyond that nothing is received until a run has merged some of it."""

SECONDS_BETWEEN_COUNTS = 2.0
"""How often the files are counted: runs remove some."""


def state_of(name: str) -> State:
    """Return what is known of the events of a file."""
    return cast("State", name.split(".")[-2])


def written_at(name: str) -> float:
    """Return when a file was written, in seconds since 1970."""
    return int(name.split("-")[0]) / 1e9


class FullError(OSError):
    """The inbox holds as much as it may."""


class Inbox:
    """The events below a folder."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder; nothing is read or written yet."""
        self._folder = folder
        self._numbers = count()
        self._files = self._bytes = 0
        self._counted_at = -SECONDS_BETWEEN_COUNTS

    def make(self) -> None:
        """Create the folder, for its owner alone, and delete half-written files of killed processes."""
        self._folder.mkdir(mode=PRIVATE, exist_ok=True)
        self._folder.chmod(PRIVATE)
        with self.lock():
            self.remove_unfinished()

    def exists(self) -> bool:
        """Whether anything was ever received, as far as this user may know."""
        return os.access(self._folder, os.F_OK)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the lock under which files are added, changed and removed."""
        return FileLock(self._folder / "lock").hold()

    def list_files(self, *states: State) -> list[str]:
        """List the names of the files of these states, oldest first; none where nothing was ever received."""
        return sorted(
            path.name for path in self._folder.glob("*-*.*.parquet") if state_of(path.name) in (states or STATES)
        )

    def add(self, frames: Mapping[State, pl.DataFrame]) -> None:
        """Write the events of each state to disk; only under the lock. Raises OSError, FullError among them."""
        self._count()
        if self._files >= MAX_FILES or self._bytes >= MAX_BYTES:
            raise FullError(f"{self._files:,} files of events, {self._bytes:,} bytes, wait to be merged")
        self._write(frames)

    def read(self, name: str) -> pl.DataFrame | None:
        """Read the events of a file; None if it was removed meanwhile. Raises WarehouseError if it is damaged."""
        path = self._folder / name
        try:
            return pl.read_parquet(path, glob=False, hive_partitioning=False)
        except FileNotFoundError:
            return None
        except pl.exceptions.ComputeError:
            raise WarehouseError(
                f"The file {path}, in which events of webhooks wait, is damaged: delete it and run again. What its "
                "events have changed is read by the daily export, or by coupontools export --full."
            ) from None

    def replace(self, name: str, frames: Mapping[State, pl.DataFrame]) -> None:
        """Put frames in the place of a file; only under the lock. A kill leaves both, of which the later one counts."""
        self._write(frames)
        self.remove([name])

    def remove(self, names: Sequence[str]) -> None:
        """Remove files, as far as they are still there."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Delete what killed processes have left half-written; only under the lock."""
        for unfinished in self._folder.glob("*.tmp"):
            unfinished.unlink()

    def _write(self, frames: Mapping[State, pl.DataFrame]) -> None:
        written = [self._write_file(state, frame) for state, frame in frames.items() if len(frame)]
        for unfinished, path in written:
            self._bytes += unfinished.stat().st_size
            unfinished.replace(path)
        if written:
            sync(self._folder)
        self._files += len(written)

    def _write_file(self, state: State, frame: pl.DataFrame) -> tuple[Path, Path]:
        name = f"{time.time_ns():020}-{os.getpid()}-{next(self._numbers)}.{state}.parquet"
        unfinished = self._folder / f"{name}.tmp"
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                frame.write_parquet(file, compression="lz4", statistics=False)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        return unfinished, self._folder / name

    def _count(self) -> None:
        """Count what waits, unless that was done a moment ago."""
        if time.monotonic() - self._counted_at < SECONDS_BETWEEN_COUNTS:
            return
        sizes = [entry.stat().st_size for entry in os.scandir(self._folder) if entry.name.endswith(".parquet")]
        self._files, self._bytes, self._counted_at = len(sizes), sum(sizes), time.monotonic()
