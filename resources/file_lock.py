"""Locks between the processes of one machine, as the kernel keeps them: it frees them when their holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.files import PRIVATE_FILE


class FileLock:
    """The lock on a file or folder, held from `wait` or `try_now` until `release`, or until this process dies."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Keep the path; a missing file is created, or raises FileNotFoundError without `create`.

        A file must not be a link.
        """
        self._path = path
        self._flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        self._descriptor: int | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock, and hold it until the block is left."""
        self.wait()
        try:
            yield
        finally:
            self.release()

    def wait(self) -> None:
        """Take the lock as soon as it is free; the kernel keeps those who wait in order."""
        while not self._take(fcntl.LOCK_EX):
            pass  # the file was deleted while this process waited

    def try_now(self) -> bool:
        """Take the lock if nobody holds it; returns whether it was taken."""
        try:
            while not self._take(fcntl.LOCK_EX | fcntl.LOCK_NB):
                pass
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, operation: int) -> bool:
        """Lock the file; returns False where it was deleted meanwhile, so that its lock guards nothing any more."""
        flags = os.O_RDONLY | os.O_DIRECTORY if self._path.is_dir() else self._flags
        descriptor = os.open(self._path, flags, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, operation)
            if os.fstat(descriptor).st_nlink:
                self._descriptor = descriptor
                return True
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return False
