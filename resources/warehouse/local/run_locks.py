"""Tells which runs are alive that have merged something: each locks a file of its own, and deletes it when it ends."""

from collections.abc import Mapping
from contextlib import suppress
from uuid import uuid4

from resources.file_lock import FileLock
from resources.warehouse.local.folder import Folder


class RunLocks:
    """The locks of all runs of a folder; this run holds its own from `register` until `close`."""

    def __init__(self, folder: Folder) -> None:
        """Keep the folder, and give this run an id."""
        self.run_id = uuid4().hex
        self._folder = folder
        self._own: FileLock | None = None

    def register(self) -> None:
        """Take the lock of this run, if it has none yet."""
        if self._own is None:
            self._own = FileLock(self._folder.run_lock(self.run_id))
            self._own.wait()

    def list_runs(self) -> Mapping[str, bool]:
        """List the runs that were registered and not closed, and whether each lives."""
        runs = {}
        for path in sorted(self._folder.state.glob(self._folder.run_lock("*").name)):
            lock = FileLock(path, create=False)
            try:
                runs[self._folder.run_of(path)] = not lock.try_now()
            except FileNotFoundError:  # it has just ended
                continue
            lock.release()
        return runs

    def remove(self, run_id: str) -> None:
        """Delete the lock of a dead run."""
        self._folder.run_lock(run_id).unlink(missing_ok=True)

    def close(self) -> None:
        """End this run: delete its lock, so that it does not count as dead, and release it.

        A lock that cannot be deleted stays; whoever ends the run may be about to say what is wrong with the disk.
        """
        if self._own is not None:
            with suppress(OSError):
                self.remove(self.run_id)
            self._own.release()
            self._own = None
