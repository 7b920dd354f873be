"""The folder of the export: where each thing lies, who may read it, and what its errors say.

```
coupontools.duckdb   the published database, a link to its file, replaced in one rename
.databases/          that file, in a folder of its publish
parquet              the published files, a link to the snapshot that analysts see, replaced in one rename
.snapshots/          that snapshot, and those just replaced
.origin.json         private: whose rows these are, as a fingerprint
.forgotten.json      private: hashes of the people who are suppressed
.state/              private: the stage, the batches, the locks
```
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from resources.files import PRIVATE
from resources.limits import WHAT_READERS_SEE, limit_met
from resources.warehouse.errors import InUseError, RefusedError, WarehouseError
from resources.warehouse.local.checkpoint import log_of
from resources.warehouse.local.locks import hold_in_order
from resources.warehouse.place import Place

PUBLIC, OPEN_TO_OTHERS = 0o777, 0o077

_INNER_ERROR = re.compile(r"""\{"exception_type":.*?"exception_message":"((?:[^"\\]|\\.)*)".*\}""")

_ADVICE = {
    "Let the user who runs the export write there (chown -R, chmod, mount)": (errno.EACCES, errno.EPERM, errno.EROFS),
    "Move away what stands where the export keeps something else": (
        *(errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY),
    ),
    "Make room, or raise the limit of the size of files (ulimit -f)": (errno.EFBIG,),
    "Check the disk and how it is mounted": (
        *(errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN, errno.ENOLCK, errno.EOPNOTSUPP),
    ),
}
"""What to do about errors of the operating system, by their numbers."""

_ADVICE_ON_OTHERS = "Make room, or check the disk and how it is mounted"
"""What to do about a full disk, and about errors that DuckDB does not word as the operating system does."""

_HELD = re.compile(r'set lock on file "(?P<file>.+?)".*?\(PID (?P<process>\d+)\)')


@dataclass(frozen=True)
class Folder:
    """The paths below COUPONTOOLS_DATA_DIR."""

    root: Path

    @property
    def place(self) -> Place:
        """The folder, for error messages."""
        return Place(str(self.root), "folder", "COUPONTOOLS_DATA_DIR")

    @property
    def database(self) -> Path:
        """The published database, a link."""
        return self.root / "coupontools.duckdb"

    @property
    def databases(self) -> Path:
        """The file of the published database, in a folder a publish."""
        return self.root / ".databases"

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

    def run_lock(self, run_id: str) -> Path:
        """Return the lock of a run that has merged something."""
        return self.state / f"run-{run_id}.lock"

    def run_of(self, lock: Path) -> str:
        """Return the run that a lock is of."""
        return lock.stem.removeprefix("run-")

    @property
    def origin(self) -> Path:
        """The note of whose rows the folder holds."""
        return self.root / ".origin.json"

    @property
    def forgotten(self) -> Path:
        """The list of suppressed people, as hashes."""
        return self.root / ".forgotten.json"

    def make(self) -> None:
        """Create what is missing. Raises WarehouseError if the folder cannot be written."""
        with name_folder_in_errors(self):
            self.root.mkdir(parents=True, exist_ok=True)
            private, published = (self.state, self.batches), (self.databases, self.snapshots)
            for path, mode in (dict.fromkeys(private, PRIVATE) | dict.fromkeys(published, PUBLIC)).items():
                if path.is_symlink() or (path.exists() and not path.is_dir()):
                    raise RefusedError(
                        f"{path} is a {'link' if path.is_symlink() else 'file'} where the export keeps a folder of its "
                        "own: move it away and run again. What was published stays as it was."
                    )
                path.mkdir(mode=mode, exist_ok=True)
            self._keep_private()
            for path in (self.root, *published, *private):  # else only publishing would find out
                if not os.access(path, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def _keep_private(self) -> None:
        """Raise RefusedError if what is private is another user's or a link; take away permissions of others."""
        for path in (self.state, self.batches):
            status = path.stat()
            if status.st_uid != os.geteuid():
                raise _of_another_user(path)
            if status.st_mode & OPEN_TO_OTHERS:
                path.chmod(PRIVATE)
        for file in (self.stage, log_of(self.stage), self.origin, self.forgotten):
            if file.is_symlink():
                raise RefusedError(
                    f"{file} is a link where the export keeps a file of its own: move it away and run again. What was "
                    "published stays as it was."
                )

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock between processes of this name; see `hold_in_order`."""
        with hold_in_order(self.state / f"{name}.queue", self.state / f"{name}.lock"):
            yield


def _of_another_user(path: Path) -> RefusedError:
    return RefusedError(
        f"{path} belongs to another user, who could read and replace what the export keeps there: run the export as "
        "that user, or give the folder to yours (chown -R). Nothing was changed."
    )


@contextmanager
def name_folder_in_errors(folder: Folder) -> Iterator[None]:
    """Turn errors of the disk or DuckDB into a WarehouseError that names the folder, or the limit that is reached."""
    try:
        with _name_limits_in_errors():
            yield
    except OSError as error:
        with suppress(OSError):  # the user may not even look into the folder
            if isinstance(error, PermissionError) and folder.state.stat().st_uid != os.geteuid():
                raise _of_another_user(folder.state) from error
        reason = describe_error(error)
        raise WarehouseError(
            f"The folder {folder.root} cannot be written: {reason}. {_advise(reason)} or set COUPONTOOLS_DATA_DIR to "
            f"another folder; {WHAT_READERS_SEE}."
        ) from error
    except (duckdb.InterruptException, RuntimeError) as error:
        if isinstance(error, duckdb.InterruptException) or str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise
    except (duckdb.OperationalError, duckdb.FatalException) as error:
        # DuckDB writes an error inside an error as JSON
        first_line = _INNER_ERROR.sub(r"\1", str(error).splitlines()[0]).rstrip(" .")
        if held := _HELD.search(first_line):
            raise InUseError(
                f"{held['file']} is open in another program (process {held['process']}): close it there, or open it "
                f"read-only, then run again; {WHAT_READERS_SEE}."
            ) from error
        raise WarehouseError(
            f"DuckDB cannot work in the folder {folder.root}: {first_line}. {_advise(first_line)}, then run again; "
            f"{WHAT_READERS_SEE}."
        ) from error


def describe_error(error: OSError) -> str:
    """Describe an error of the operating system, with the path that it is about."""
    path = error.filename2 or error.filename  # of a rename, what was to be replaced
    return f"{error.strerror or error}{f' ({path})' if path else ''}"


def _advise(reason: str) -> str:
    """Return what to do about an error of the disk, as the operating system words it."""
    for advice, numbers in _ADVICE.items():
        if any(os.strerror(number) in reason for number in numbers):
            return advice
    return _ADVICE_ON_OTHERS


@contextmanager
def _name_limits_in_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if message := limit_met(error):
            raise WarehouseError(message) from error
        raise
