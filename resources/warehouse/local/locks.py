"""Locks between the processes of one machine, as the kernel keeps them: it frees them when their holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.warehouse.local.files import PRIVATE_FILE


@contextmanager
def hold_in_order(queue: Path, lock: Path) -> Iterator[None]:
    """Hold the lock on a file; those who wait for it get it in the order of arrival, by way of the file `queue`.

    The kernel frees it when its holder dies, and drops a waiter that dies.
    """
    # of those who wait only one stands at the lock itself: its last holder cannot slip in before that one wakes up
    first_in_line = _wait_for_lock(queue)
    try:
        holder = _wait_for_lock(lock)
    finally:
        os.close(first_in_line)
    try:
        yield
    finally:
        os.close(holder)


def _wait_for_lock(path: Path) -> int:
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
