"""Locks between the processes of one machine, as the kernel keeps them: it frees them when their holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.files import PRIVATE_FILE


@contextmanager
def hold_in_order(queue: Path, lock: Path) -> Iterator[None]:
    """Hold the lock on a file; those who wait for it get it in the order of arrival, by way of the file `queue`.

    The kernel frees it when its holder dies, and drops a waiter that dies.
    """
    first, holder = FileLock(queue), FileLock(lock)
    # only the first in the queue waits for the lock itself: its last holder cannot retake it before that one wakes up
    first.wait()
    try:
        holder.wait()
    finally:
        first.release()
    try:
        yield
    finally:
        holder.release()


class FileLock:
    """The lock on a file, held from `wait` or a successful `try_now` until `release`, or until this process dies."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Keep the path, which must not be a link; without `create` the file must be there when the lock is taken."""
        self._path = path
        self._flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        self._descriptor: int | None = None

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
        descriptor = os.open(self._path, self._flags, PRIVATE_FILE)
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
