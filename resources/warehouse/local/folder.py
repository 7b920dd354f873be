"""The folder of the export: where each thing lies, and how a file gets there whole or not at all.

```
coupontools.duckdb   the published database, replaced in one rename
parquet              the published files, a link to the snapshot that analysts see, replaced in one rename
.snapshots/          that snapshot, and those just replaced
.origin.json         private: whose rows these are, as a fingerprint
.forgotten.json      private: hashes of the people who are kept out
.state/              private: the stage, the batches, the locks
```
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from resources.limits import limit_met
from resources.warehouse.errors import InUseError, RefusedError, WarehouseError

PRIVATE, PRIVATE_FILE, PUBLIC = 0o700, 0o600, 0o777
OPEN_TO_OTHERS = 0o077

_INNER_ERROR = re.compile(r"""\{"exception_type":.*?"exception_message":"((?:[^"\\]|\\.)*)".*\}""")

_HELD = re.compile(r'set lock on file "(?P<file>.+?)".*?\(PID (?P<process>\d+)\)')


@dataclass(frozen=True)
class Folder:
    """The paths below COUPONTOOLS_DATA_DIR."""

    root: Path

    @property
    def database(self) -> Path:
        """The published database."""
        return self.root / "coupontools.duckdb"

    @property
    def parquet(self) -> Path:
        """The published Parquet files, `<table>/…`."""
        return self.root / "parquet"

    @property
    def snapshots(self) -> Path:
        """Parquet files that are published or just were, in one folder a publish."""
        return self.root / ".snapshots"

    @property
    def state(self) -> Path:
        """Everything private."""
        return self.root / ".state"

    @property
    def stage(self) -> Path:
        """The private database that batches are merged into."""
        return self.state / "stage.duckdb"

    @property
    def spill(self) -> Path:
        """Where DuckDB puts what does not fit its memory."""
        return self.state / "spill"

    @property
    def batches(self) -> Path:
        """Batches that are being written or wait to be merged."""
        return self.state / "batches"

    @property
    def origin(self) -> Path:
        """Whose rows the folder holds."""
        return self.root / ".origin.json"

    @property
    def forgotten(self) -> Path:
        """Who is kept out, as hashes."""
        return self.root / ".forgotten.json"

    def make(self) -> None:
        """Create what is missing. Raises WarehouseError if the folder cannot be written."""
        with name_folder_in_errors(self):
            self.root.mkdir(parents=True, exist_ok=True)
            for path, mode in ((self.state, PRIVATE), (self.batches, PRIVATE), (self.snapshots, PUBLIC)):
                if path.is_symlink() or (path.exists() and not path.is_dir()):
                    raise RefusedError(
                        f"{path} is a {'link' if path.is_symlink() else 'file'} where the export keeps a folder of its "
                        "own: move it away and run again. What was published stays as it was."
                    )
                path.mkdir(mode=mode, exist_ok=True)
            self._keep_private()

    def _keep_private(self) -> None:
        """Raise RefusedError if somebody else can read or replace what is private; close what stands open."""
        for path in (self.state, self.batches):
            found = path.stat()
            if found.st_uid != os.geteuid():
                raise RefusedError(
                    f"{path} belongs to another user, who could read and replace what the export keeps there: run the "
                    "export as that user, or give the folder to yours (chown -R). Nothing was changed."
                )
            if found.st_mode & OPEN_TO_OTHERS:
                path.chmod(PRIVATE)
        for file in (self.stage, self.stage.with_suffix(".duckdb.wal"), self.origin, self.forgotten):
            if file.is_symlink():
                raise RefusedError(
                    f"{file} is a link where the export keeps a file of its own: move it away and run again. What was "
                    "published stays as it was."
                )
        if not os.access(self.state, os.W_OK):
            raise PermissionError(13, "no permission to write")

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock between processes of this name; who waits for it gets it in the order of arrival.

        The kernel frees it when its holder dies, and forgets a waiter that dies.
        """
        # of those who wait one alone stands at the lock itself: its last holder cannot slip in before that one wakes up
        first_in_line = _locked(self.state / f"{name}.queue")
        try:
            holder = _locked(self.state / f"{name}.lock")
        finally:
            os.close(first_in_line)
        try:
            yield
        finally:
            os.close(holder)


def _locked(path: Path) -> int:
    """Wait for the lock on a file; returns the open file, which holds it until it is closed."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            # the kernel keeps a queue of calls that wait; whoever tries again and again has no place in it
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the file was deleted while this process waited, so that it guards nothing any more


@contextmanager
def name_folder_in_errors(folder: Folder) -> Iterator[None]:
    """Turn what the disk or DuckDB says into a WarehouseError that names the folder, or the limit that is reached."""
    try:
        with _telling_limits():
            yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise WarehouseError(
            f"The folder {folder.root} cannot be written: {reason}. Make room or set COUPONTOOLS_DATA_DIR to "
            "another folder; what was published stays as it was."
        ) from error
    except (duckdb.InterruptException, RuntimeError) as error:
        if isinstance(error, duckdb.InterruptException) or str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise
    except (duckdb.OperationalError, duckdb.FatalException) as error:
        # an error inside an error is told as JSON
        first_line = _INNER_ERROR.sub(r"\1", str(error).splitlines()[0]).rstrip(" .")
        if held := _HELD.search(first_line):
            raise InUseError(
                f"{held['file']} is open in another program (process {held['process']}): close it there, or let it be "
                "opened read-only, then run again. What was published stays as it was."
            ) from error
        raise WarehouseError(
            f"DuckDB cannot work in the folder {folder.root}: {first_line}. Make room, then run again; what was "
            "published stays as it was."
        ) from error


@contextmanager
def _telling_limits() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if told := limit_met(error):
            raise WarehouseError(told) from error
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Write a private file that is there completely or not at all, even if the power fails."""
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.unlink(missing_ok=True)  # a link would lead the content elsewhere
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    move_into_place(unfinished, path)


def move_into_place(unfinished: Path, path: Path) -> None:
    """Let a finished file take its place, or that of another, so that it is there even if the power fails."""
    sync(unfinished)
    unfinished.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Force a file or the entries of a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_link(link: Path, target: str) -> None:
    """Make `link` a symbolic link to `target`, replacing in one step what was there."""
    if link.is_symlink() and str(link.readlink()) == target:
        return
    unfinished = link.with_name(f".{link.name}.tmp")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(link)


def make_writable(folder: Path) -> None:
    """Let its owner change a folder of what was published, which nobody may write into."""
    if not os.access(folder, os.W_OK):
        folder.chmod(PRIVATE)


def remove_tree(folder: Path) -> None:
    """Delete a folder with all that is in it, or what else stands in its place; nothing if nothing does."""
    with suppress(FileNotFoundError):
        if folder.is_dir() and not folder.is_symlink():
            for path in (folder, *folder.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    make_writable(path)
            shutil.rmtree(folder)
        else:
            folder.unlink()
