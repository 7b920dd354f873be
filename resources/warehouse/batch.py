"""A batch: what one run reads of one table, kept in immutable Parquet files until it is merged.

Rows are written in parts while pages come in, so that memory holds a part at most. Beside each part stands a list
of the slices that are complete with it: after a crash the next run for the same purpose goes on from there. Of a
batch that was merged the list stays until its run is over, for a run that dies later on.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from errno import EIO
from pathlib import Path
from uuid import uuid4

import polars as pl

from resources.warehouse.local.files import PRIVATE, PRIVATE_FILE, remove_tree, sync, write_atomically
from resources.warehouse.local.folder import Folder, name_folder_in_errors
from resources.warehouse.local.locks import FileLock

FORMAT = 3
"""Of what stands in a batch; another version's is read again rather than understood."""

MANIFEST = "label"
MERGED = "merged.json"
OWNER = "owner.lock"
MAX_ROWS_OF_A_PART = 100_000
MAX_PAGES_OF_A_PART = 1_000
MAX_BYTES_OF_A_PART = 128_000_000
MAX_SECONDS_OF_A_PART = 1.0
"""A part is written when it has so many rows, pages (a frame of one row takes 24 kB) or bytes, or when a slice is
complete and the last part is this old."""


@dataclass(frozen=True)
class CompletedSlice:
    """A slice that was read: an endpoint, its parent and its window (ISO days), and what came of it.

    One that is not `complete` ended with an answer that could not be read, which stands among the refused records.
    `whole_at` is set if nothing that was in the account then (ISO, UTC) can be missing from it.
    """

    endpoint: str
    parent: str | None
    start: str | None
    end: str | None
    records: int
    refused: int
    announced: int | None
    complete: bool = True
    whole_at: str | None = None


class Batch:
    """An open batch, owned by this process. Made by `open_batch`; safe to use from several threads.

    `slices` are to be merged, those in `merged` were. One that `is_kept` belongs to this process after its merge too.
    `suppressed` is the version of the list of people whom its frames are without.
    """

    def __init__(self, folder: Folder, path: Path, lock: FileLock, reuse_until: datetime, suppressed: str) -> None:
        """Take up what is in `path`: the slices that are complete there, and of the parts those that are listed."""
        self.path, self.suppressed = path, suppressed
        self.slices: list[CompletedSlice] = []
        self.merged = _units_in(path / MERGED) if (path / MERGED).exists() else []
        self.is_kept = False
        self._folder, self._lock, self._reuse_until = folder, lock, reuse_until
        self._frames: dict[str, list[pl.DataFrame]] = {"rows": [], "rejected": [], "seen": []}
        self._rows = self._bytes = 0
        self._pending: list[CompletedSlice] = []
        self._buffer, self._writing = threading.Lock(), threading.Lock()
        self._written_at = time.monotonic()
        listed = sorted(path.glob("*.slices.json"))
        for part in listed:
            self.slices += [slice_ for slice_ in _units_in(part) if slice_.complete]
        names = {part.name.split(".")[0] for part in listed}
        for file in [*path.glob("*.parquet"), *path.glob("*.tmp")]:
            if file.name.split(".")[0] not in names:
                file.unlink()
        self._parts = max((int(name) for name in names), default=0)
        if listed:
            self._drop_rejected_of_other_units()

    def _drop_rejected_of_other_units(self) -> None:
        """Delete the rejected records of slices that are read again, and would bring them a second time."""
        columns = ["endpoint", "parent_id", "window_start", "window_end"]
        slices = [(slice_.endpoint, slice_.parent, slice_.start, slice_.end) for slice_ in self.slices]
        known = pl.DataFrame(slices, dict.fromkeys(columns, pl.String), orient="row").with_columns(
            pl.col("window_start", "window_end").str.to_datetime("%Y-%m-%d", time_unit="us")
        )
        self.rewrite("rejected", lambda rejected: rejected.join(known, on=columns, how="semi", nulls_equal=True))

    def add(self, rows: pl.DataFrame, rejected: pl.DataFrame, present_keys: pl.DataFrame | None = None) -> None:
        """Add the rows of a page, and write a part if there are enough of them.

        `present_keys` are the keys of records that are in the account, but not among the rows.
        """
        with self._buffer:
            self._frames["rows"].append(rows)
            self._frames["rejected"] += [rejected] if len(rejected) else []
            self._frames["seen"] += [present_keys] if present_keys is not None and len(present_keys) else []
            added = [rows, rejected] if present_keys is None else [rows, rejected, present_keys]
            self._rows += sum(map(len, added))
            self._bytes += sum(int(frame.estimated_size()) for frame in added)
            full = (
                self._rows >= MAX_ROWS_OF_A_PART
                or self._bytes >= MAX_BYTES_OF_A_PART
                or len(self._frames["rows"]) >= MAX_PAGES_OF_A_PART
            )
        if full:
            self.flush()

    def complete(self, *slices: CompletedSlice) -> None:
        """Note that all pages of these slices were added; they come to the same part."""
        with self._buffer:
            self._pending += slices
            due = time.monotonic() - self._written_at >= MAX_SECONDS_OF_A_PART
        if due:
            self.flush()

    def flush(self) -> None:
        """Write what was added since the last part as a part of its own, together with the slices it completes."""
        with self._writing:
            with self._buffer:
                frames, self._frames = self._frames, {kind: [] for kind in self._frames}
                slices, self._pending = self._pending, []
                self._rows = self._bytes = 0
            if slices or any(frames.values()):
                self._parts += 1
                self._write(f"{self._parts:06}", frames, slices)
            self._written_at = time.monotonic()

    def _write(self, part: str, frames: Mapping[str, list[pl.DataFrame]], slices: list[CompletedSlice]) -> None:
        for kind, pages in frames.items():
            if any(map(len, pages)):
                _write_parquet(pl.concat(pages, rechunk=False), self.path / f"{part}.{kind}.parquet")
        # this also brings the names of the files above to disk
        write_atomically(self.path / f"{part}.slices.json", _listed(slices))
        self.slices += slices

    def rewrite(self, kind: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Write the files of a kind again, without what a change takes out."""
        for path in self.files(f"{kind}.parquet"):
            _write_parquet(change(pl.read_parquet(path, glob=False, hive_partitioning=False)), path)

    @property
    def is_resumable(self) -> bool:
        """Whether a later run may take it up."""
        return datetime.now(UTC) < self._reuse_until

    def note_merge(self) -> None:
        """Keep of a merged batch nothing but the slices that need not be read again, and the lock."""
        self.is_kept = True
        self.merged += [slice_ for slice_ in self.slices if slice_.complete]
        write_atomically(self.path / MERGED, _listed(self.merged))
        for part in [*self.path.glob("*.slices.json"), *self.path.glob("*.parquet")]:
            part.unlink()
        sync(self.path)
        self.slices = []

    def discard(self) -> None:
        """Delete the batch; from the first step on nobody can take it up any more."""
        (self.path / MANIFEST).unlink(missing_ok=True)
        # whoever looks for a batch to take up would trip over one that goes
        with suppress(FileNotFoundError), self._folder.lock("batches"):
            remove_tree(self.path)
        self.release()

    def release(self) -> None:
        """Leave the batch to the next run."""
        self._lock.release()

    def files(self, kind: str) -> list[Path]:
        """The files of the batch: `rows.parquet`, `rejected.parquet`, `seen.parquet` or `slices.json`."""
        return sorted(self.path.glob(f"*.{kind}"))


def _units_in(path: Path) -> list[CompletedSlice]:
    return [CompletedSlice(**slice_) for slice_ in json.loads(path.read_bytes())]


def _listed(slices: Sequence[CompletedSlice]) -> bytes:
    return json.dumps([asdict(slice_) for slice_ in slices]).encode()


def _write_parquet(frame: pl.DataFrame, path: Path) -> None:
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        frame.write_parquet(unfinished, compression="lz4", statistics=False)  # read once, and soon
    except pl.exceptions.ComputeError as error:  # polars' word for a disk that does not take the bytes
        raise OSError(EIO, str(error).rpartition("IO error: ")[2]) from error
    unfinished.chmod(PRIVATE_FILE)
    sync(unfinished)
    unfinished.replace(path)


@contextmanager
def open_batch(folder: Folder, purpose: str, reuse_for: timedelta, suppressed: str = "") -> Iterator[Batch]:
    """Open the batch that a dead run left for this purpose, or else a new one.

    A batch may be taken up for `reuse_for` after its start; later it counts as out of date and is deleted, as are
    all others of dead runs that are, and those that were begun when other people were kept out than those of the list
    `suppressed`. The batch stays on disk, to be taken up, unless the caller deletes it; one that
    was merged stays with this process too, until the caller lets it go.
    """
    folder.make()
    with name_folder_in_errors(folder):
        with folder.lock("batches"):
            batch = _adopted(folder, purpose, suppressed) or _created(folder, purpose, reuse_for, suppressed)
        try:
            yield batch
        finally:
            if not batch.is_kept:
                batch.release()


def _adopted(folder: Folder, purpose: str, suppressed: str) -> Batch | None:
    found = None
    for path in sorted(path for path in folder.batches.iterdir() if path.is_dir()):
        lock = FileLock(path / OWNER)
        if not lock.try_now():
            continue
        of, until = _label(path, suppressed)
        if found is None and of == purpose and datetime.now(UTC) < until:
            with suppress(ValueError, TypeError):  # notes that somebody has broken
                found = Batch(folder, path, lock, until, suppressed)
                continue
            until = datetime.now(UTC)
        if datetime.now(UTC) >= until:
            remove_tree(path)
        lock.release()
    return found


def _created(folder: Folder, purpose: str, reuse_for: timedelta, suppressed: str) -> Batch:
    now = datetime.now(UTC)
    path = folder.batches / f"{_begun_at(now)}-{uuid4().hex[:8]}"
    path.mkdir(mode=PRIVATE)
    lock = FileLock(path / OWNER)
    lock.wait()
    until = now + reuse_for
    label = {"format": FORMAT, "purpose": purpose, "reuse_until": until.isoformat(), "suppressed": suppressed}
    write_atomically(path / MANIFEST, json.dumps(label).encode())
    return Batch(folder, path, lock, until, suppressed)


def _begun_at(moment: datetime) -> str:
    """How the names of batches begin that were begun at this moment; they are in order."""
    return f"{moment:%Y%m%dT%H%M%S}"


def _label(path: Path, suppressed: str) -> tuple[str, datetime]:
    """The purpose of a batch, and until when it may be taken up: long ago where no version like this began it.

    Likewise if it was begun while the clock was ahead, as nobody knows how old it is, or while other people were kept
    out.
    """
    if path.name > _begun_at(datetime.now(UTC)) + "~":
        return "", datetime.fromtimestamp(0, UTC)
    try:
        label = json.loads((path / MANIFEST).read_bytes())
        if label["format"] == FORMAT and label.get("suppressed", "") == suppressed:
            return label["purpose"], datetime.fromisoformat(label["reuse_until"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return "", datetime.fromtimestamp(0, UTC)
