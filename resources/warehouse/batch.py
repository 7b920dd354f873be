"""A batch: what one run reads of one table, kept in immutable Parquet files until it is merged.

Rows are written in chunks while pages come in, so that memory holds one chunk at most. Each chunk has a list of its
files and of the slices that are complete with it: after a crash the next run with the same resume key continues there.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from resources.warehouse.batch_file import find_filled, order_by_month
from resources.warehouse.store import Store

FORMAT = 6
"""Version of the files of a batch; a batch of another version is read again."""

MANIFEST = "manifest.json"
MAX_ROWS_OF_A_CHUNK = 100_000
MAX_PAGES_OF_A_CHUNK = 1_000
MAX_BYTES_OF_A_CHUNK = 128_000_000
MAX_SECONDS_OF_A_CHUNK = 1.0
"""A chunk is written when it has this many rows, pages (a frame of one row takes 24 kB) or bytes, or when a slice is
complete and the last chunk is this old."""


class SliceKey(NamedTuple):
    """What identifies a slice."""

    endpoint: str
    """The path."""
    parent: str | None = None
    start: str | None = None
    """The first day, ISO."""
    end: str | None = None
    """The last day, ISO, inclusive."""


@dataclass(frozen=True)
class CompletedSlice:
    """A slice whose reading has ended, and what came of it."""

    key: SliceKey
    records: int = 0
    rejected: int = 0
    announced: int | None = None
    """How many records the API announced, if it did."""
    is_complete: bool = True
    """Whether it was read to its end; if not, the next run reads it again."""
    complete_as_of: str | None = None
    """The time (ISO, UTC) of which no record that was in the account can be missing; None if one can."""


@dataclass(frozen=True)
class Manifest:
    """What a batch is read for, when it was begun, and until when a later run may resume it (UTC).

    Runs with the same `resume_key` read the same; `suppression` is the version of the suppression list when the batch
    was begun.
    """

    resume_key: str
    begun_at: datetime
    resumable_until: datetime
    suppression: str

    @classmethod
    def from_json(cls, content: bytes) -> "Manifest":
        """Read a manifest. Raises ValueError, KeyError or TypeError if it is not one of this version."""
        kept = json.loads(content)
        if kept["format"] != FORMAT:
            raise ValueError(f"format {kept['format']}")
        begun_at, until = (datetime.fromisoformat(kept[name]) for name in ("begun_at", "resumable_until"))
        return cls(kept["resume_key"], begun_at, until, kept["suppression"])

    def to_json(self) -> bytes:
        """Encode it, with the version of the format."""
        kept = asdict(self) | {name: getattr(self, name).isoformat() for name in ("begun_at", "resumable_until")}
        return json.dumps({"format": FORMAT, **kept}).encode()

    def is_resumable(self, now: datetime) -> bool:
        """Whether the batch may be resumed; never if it was begun while the clock was ahead."""
        return self.begun_at <= now < self.resumable_until


@dataclass(frozen=True)
class BatchKey:
    """What a batch is to be read for: see `Manifest`; a later run may resume it for `resumable_for` after its start.

    The rows of each chunk are ordered by the month of the column `date`, if there is one.
    """

    resume_key: str
    resumable_for: timedelta = timedelta(0)
    suppression: str = ""
    date: str | None = None

    def begin(self, now: datetime) -> Manifest:
        """Make the manifest of a batch that is begun now."""
        return Manifest(self.resume_key, now, now + self.resumable_for, self.suppression)


@dataclass
class _Buffer:
    """What was added since the last chunk."""

    frames: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: {"rows": [], "rejected": [], "present": []})
    slices: list[CompletedSlice] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0

    def add(self, frames: Mapping[str, pl.DataFrame | None]) -> None:
        for kind, frame in frames.items():
            if frame is not None and (kind == "rows" or len(frame)):
                self.frames[kind].append(frame)
                self.rows += len(frame)
                self.bytes += int(frame.estimated_size())

    def append(self, other: "_Buffer") -> None:
        for kind, frames in other.frames.items():
            self.frames[kind] += frames
        self.slices += other.slices
        self.rows += other.rows
        self.bytes += other.bytes

    @property
    def is_full(self) -> bool:
        return (
            self.rows >= MAX_ROWS_OF_A_CHUNK
            or self.bytes >= MAX_BYTES_OF_A_CHUNK
            or len(self.frames["rows"]) >= MAX_PAGES_OF_A_CHUNK
        )


class Batch:
    """An open batch, owned by this process. Made by `open_batch`; safe to use from several threads.

    `slices` are those whose reading has ended, of a batch that is resumed the complete ones; `merged_slices` were
    merged by a run that died before it had published them. `suppression` is the version of the suppression list that
    was applied to the files, `date` the column by whose month rows are ordered.
    """

    def __init__(self, store: Store, name: str, manifest: Manifest) -> None:
        """Load the complete slices and the files of the listed chunks from the store; delete all other files.

        Raises ValueError, KeyError or TypeError if a list is broken, or a file that it names is not there or damaged.
        """
        self.name, self.manifest, self.suppression = name, manifest, manifest.suppression
        self.date: str | None = None
        self.slices: list[CompletedSlice] = []
        self.merged_slices: frozenset[SliceKey] = frozenset()
        self._store = store
        self._buffer = _Buffer()
        self._buffering, self._writing = threading.Lock(), threading.Lock()
        self._written_at = time.monotonic()
        self._files: list[str] = []
        notes = store.list_files(name, ".slices.json")
        for note in notes:
            slices, files = _read_chunk(store.read_note(name, note))
            self.slices += [slice_ for slice_ in slices if slice_.is_complete]
            self._files += files
        there = [*store.list_files(name, ".parquet"), *store.list_files(name, ".tmp")]
        if missing := set(self._files) - set(there):
            raise ValueError(f"lost files: {missing}")
        if damaged := [file for file in self._files if not store.is_intact(name, file)]:
            raise ValueError(f"damaged files: {damaged}")
        for file in set(there) - set(self._files):
            store.delete_file(name, file)
        self._chunks = max((int(note.split(".")[0]) for note in notes), default=0)
        if notes:
            self._drop_rejected_of_other_slices()

    def _drop_rejected_of_other_slices(self) -> None:
        """Delete the rejected records of slices that are not complete, as reading these again would add them twice."""
        columns = ["endpoint", "parent_id", "window_start", "window_end"]
        known = pl.DataFrame(
            [slice_.key for slice_ in self.slices], dict.fromkeys(columns, pl.String), orient="row"
        ).with_columns(pl.col("window_start", "window_end").str.to_datetime("%Y-%m-%d", time_unit="us"))
        self.rewrite("rejected", lambda rejected: rejected.join(known, on=columns, how="semi", nulls_equal=True))

    @property
    def known_slices(self) -> set[SliceKey]:
        """The slices that need not be read again."""
        return {slice_.key for slice_ in self.slices} | self.merged_slices

    def add(self, rows: pl.DataFrame, rejected: pl.DataFrame, present_keys: pl.DataFrame | None = None) -> None:
        """Add the rows of a page, and write a chunk if there are enough of them.

        `present_keys` are the keys of records that are in the account, but not among the rows.
        """
        with self._buffering:
            self._buffer.add({"rows": rows, "rejected": rejected, "present": present_keys})
            is_full = self._buffer.is_full
        if is_full:
            self.flush()

    def complete(self, *slices: CompletedSlice) -> None:
        """Note that the reading of these slices has ended; they are listed with the chunk that has their last pages."""
        with self._buffering:
            self._buffer.slices += slices
            is_due = time.monotonic() - self._written_at >= MAX_SECONDS_OF_A_CHUNK
        if is_due:
            self.flush()

    def flush(self) -> None:
        """Write what was added since the last chunk as a chunk of its own, together with the slices it completes.

        If that fails it is kept for the next chunk, which would otherwise complete slices without all of their rows.
        """
        with self._writing:
            with self._buffering:
                buffer, self._buffer = self._buffer, _Buffer()
            if buffer.slices or any(buffer.frames.values()):
                try:
                    self._write(f"{self._chunks + 1:06}", buffer)
                except BaseException:
                    with self._buffering:
                        buffer.append(self._buffer)
                        self._buffer = buffer
                    raise
                self._chunks += 1
            self._written_at = time.monotonic()

    def _write(self, chunk: str, buffer: _Buffer) -> None:
        filled = {kind: pages for kind, pages in buffer.frames.items() if any(map(len, pages))}
        frames = {kind: pl.concat(pages, rechunk=False) for kind, pages in filled.items()}
        if "rows" in frames and self._files_of("rows"):
            # writing nulls takes as long as writing texts; `select` would take a twelfth more memory for an export
            frames["rows"] = frames["rows"][find_filled(frames["rows"])]
        if "rows" in frames and self.date:
            frames["rows"] = order_by_month(frames["rows"], self.date)
        files = {f"{chunk}.{kind}.parquet": frame for kind, frame in frames.items()}
        for file, frame in files.items():
            self._store.write_frame(self.name, file, frame)
        content = {"slices": [asdict(slice_) for slice_ in buffer.slices], "files": list(files)}
        self._store.write_note(self.name, f"{chunk}.slices.json", json.dumps(content).encode())
        self.slices += buffer.slices
        self._files += files

    def rewrite(self, kind: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Rewrite the files of a kind (rows, rejected, present), applying `change` to each."""
        for file, frame in zip(self._files_of(kind), self.read(kind), strict=True):
            self._store.write_frame(self.name, file, change(frame))

    def read(self, kind: str) -> Iterator[pl.DataFrame]:
        """Read the files of a kind (rows, rejected, present), one after the other, with the columns of the first."""
        columns = pl.DataFrame()
        for file in self._files_of(kind):
            frame = pl.concat([columns, self._store.read_frame(self.name, file)], how="diagonal")
            columns = frame.clear()
            yield frame

    def files(self, kind: str) -> list[str]:
        """List where the Parquet files of a kind (rows, rejected, present) are, as DuckDB reads them, by names.

        Of the rows the first file has all columns, the others have those of which a row has a value.
        """
        return [self._store.locate(self.name, file) for file in self._files_of(kind)]

    def _files_of(self, kind: str) -> list[str]:
        # as they were written: of what is there now, files that were lost would count as never read
        return [file for file in self._files if file.endswith(f".{kind}.parquet")]

    def delete(self) -> None:
        """Delete the batch, once it is merged or not wanted."""
        # under the lock, so that nobody resumes a batch that is half deleted
        with suppress(FileNotFoundError), self._store.lock():
            self._store.delete(self.name)


def _read_chunk(content: bytes) -> tuple[list[CompletedSlice], list[str]]:
    """Read the list of a chunk: the slices that are complete with it, and its files."""
    kept = json.loads(content)
    slices = [CompletedSlice(**slice_ | {"key": SliceKey(*slice_["key"])}) for slice_ in kept["slices"]]
    return slices, kept["files"]
