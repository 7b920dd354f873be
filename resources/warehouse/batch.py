"""A batch: what one run reads of one table, kept in immutable Parquet files until it is merged.

Rows are written in parts while pages come in, so that memory holds a part at most. Beside each part stands a list
of the units that are complete with it: after a crash the next run for the same purpose goes on from there.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from errno import EIO
from pathlib import Path
from uuid import uuid4

import polars as pl
from filelock import FileLock, Timeout

from resources.warehouse.files import PRIVATE, Folder, remove, sync, telling_the_folder, write_whole

LABEL = "label"
ROWS_OF_A_PART = 100_000
SECONDS_OF_A_PART = 1.0
"""A part is written when it has this many rows, or when a unit is complete and the last part is this old."""


@dataclass(frozen=True)
class UnitDone:
    """A unit that was read: an endpoint, its parent and its window (ISO days), and what came of it.

    One that is not `complete` ended with an answer that could not be read, which stands among the refused records.
    """

    endpoint: str
    parent: str | None
    start: str | None
    end: str | None
    records: int
    refused: int
    announced: int | None
    complete: bool = True


class Batch:
    """An open batch, owned by this process. Made by `open_batch`; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Take up what is in `path`: the parts that are listed, and nothing else."""
        self.path = path
        self.units: list[UnitDone] = []
        self._rows: list[pl.DataFrame] = []
        self._rejected: list[pl.DataFrame] = []
        self._pending: list[UnitDone] = []
        self._buffer, self._writing = threading.Lock(), threading.Lock()
        self._written_at = time.monotonic()
        listed = sorted(path.glob("*.units.json"))
        for part in listed:
            self.units += [UnitDone(**unit) for unit in json.loads(part.read_bytes())]
        names = {part.name.split(".")[0] for part in listed}
        for file in [*path.glob("*.parquet"), *path.glob("*.tmp")]:
            if file.name.split(".")[0] not in names:
                file.unlink()
        self._parts = max((int(name) for name in names), default=0)

    def add(self, rows: pl.DataFrame, rejected: pl.DataFrame) -> None:
        """Add the rows of a page, and write a part if there are enough of them."""
        with self._buffer:
            self._rows.append(rows)
            if len(rejected):
                self._rejected.append(rejected)
            full = sum(map(len, self._rows)) >= ROWS_OF_A_PART
        if full:
            self.flush()

    def complete(self, unit: UnitDone) -> None:
        """Note that all pages of a unit were added."""
        with self._buffer:
            self._pending.append(unit)
            due = time.monotonic() - self._written_at >= SECONDS_OF_A_PART
        if due:
            self.flush()

    def flush(self) -> None:
        """Write what was added since the last part as a part of its own, together with the units it completes."""
        with self._writing:
            with self._buffer:
                rows, self._rows = self._rows, []
                rejected, self._rejected = self._rejected, []
                units, self._pending = self._pending, []
            if rows or units:
                self._parts += 1
                self._write(f"{self._parts:06}", rows, rejected, units)
            self._written_at = time.monotonic()

    def _write(self, part: str, rows: list[pl.DataFrame], rejected: list[pl.DataFrame], units: list[UnitDone]) -> None:
        for kind, frames in (("rows", rows), ("rejected", rejected)):
            if any(map(len, frames)):
                _write_parquet(pl.concat(frames, rechunk=False), self.path / f"{part}.{kind}.parquet")
        write_whole(self.path / f"{part}.units.json", json.dumps([asdict(unit) for unit in units]).encode())
        sync(self.path)
        self.units += units

    def discard(self) -> None:
        """Delete the batch; from the first step on nobody can take it up any more."""
        (self.path / LABEL).unlink(missing_ok=True)
        remove(self.path)

    def files(self, kind: str) -> list[str]:
        """The files of the batch: `rows.parquet`, `rejected.parquet` or `units.json`."""
        return sorted(map(str, self.path.glob(f"*.{kind}")))


def _write_parquet(frame: pl.DataFrame, path: Path) -> None:
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        frame.write_parquet(unfinished, compression="zstd", compression_level=1)
    except pl.exceptions.ComputeError as error:  # polars' word for a disk that does not take the bytes
        raise OSError(EIO, str(error).rpartition("IO error: ")[2]) from error
    sync(unfinished)
    unfinished.replace(path)


@contextmanager
def open_batch(folder: Folder, purpose: str, reuse_for: timedelta) -> Iterator[Batch]:
    """Open the batch that a dead run left for this purpose, or else a new one.

    A batch may be taken up for `reuse_for` after its start; later it counts as out of date and is deleted, as are
    all others of dead runs that are. The batch stays on disk, to be taken up, unless the caller deletes it.
    """
    folder.make()
    with telling_the_folder(folder):
        with folder.lock("batches"):
            path, lock = _adopted(folder, purpose) or _created(folder, purpose, reuse_for)
        try:
            yield Batch(path)
        finally:
            lock.release()


def _adopted(folder: Folder, purpose: str) -> tuple[Path, FileLock] | None:
    found = None
    for path in sorted(folder.batches.iterdir()):
        lock = FileLock(path / "owner.lock", mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        of, until = _label(path)
        if found is None and of == purpose and datetime.now(UTC) < until:
            found = path, lock
            continue
        if datetime.now(UTC) >= until:
            remove(path)
        lock.release()
    return found


def _created(folder: Folder, purpose: str, reuse_for: timedelta) -> tuple[Path, FileLock]:
    now = datetime.now(UTC)
    path = folder.batches / f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
    path.mkdir(mode=PRIVATE)
    lock = FileLock(path / "owner.lock", mode=0o600)
    lock.acquire(timeout=0)
    label = {"purpose": purpose, "reuse_until": (now + reuse_for).isoformat()}
    write_whole(path / LABEL, json.dumps(label).encode())
    return path, lock


def _label(path: Path) -> tuple[str, datetime]:
    """The purpose of a batch, and until when it may be taken up; long ago if it was never begun properly."""
    try:
        label = json.loads((path / LABEL).read_bytes())
        return label["purpose"], datetime.fromisoformat(label["reuse_until"])
    except (OSError, ValueError, KeyError):
        return "", datetime.fromtimestamp(0, UTC)
