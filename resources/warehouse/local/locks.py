"""The lock for which the processes of one machine stand in line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.file_lock import FileLock


@contextmanager
def hold_in_order(queue: Path, lock: Path) -> Iterator[None]:
    """Hold the lock on a file; those who wait for it get it in the order of arrival, by way of the file `queue`.

    The kernel frees it when its holder dies, and drops a waiter that dies.
    """
    holder = FileLock(lock)
    # only the first in the queue waits for the lock itself: its last holder cannot retake it before that one wakes up
    with FileLock(queue).hold():
        holder.wait()
    try:
        yield
    finally:
        holder.release()
