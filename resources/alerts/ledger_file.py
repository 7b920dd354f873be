"""The ledger of the command's alerts: a private file below the data folder."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from errno import ELOOP
from pathlib import Path

import msgspec

from resources.alerts.ledger import Ledger
from resources.file_lock import FileLock
from resources.files import PRIVATE, write_atomically


@contextmanager
def open_ledger(data_dir: Path, warn: Callable[[str], None]) -> Iterator[Ledger]:
    """Read the ledger of a data folder, one process at a time, and write it when the block is left.

    If the folder cannot be read the ledger is empty, and if it cannot be written the ledger is lost: alerts are then
    sent again. `warn` is called with a message in both cases.
    """
    state = data_dir / ".state"
    file = state / "alerts.json"
    with ExitStack() as held:
        try:
            _make(state)
            held.enter_context(FileLock(state / "alerts.lock").hold())
            ledger = _read(file)
        except OSError as error:
            warn(_describe(state, error))
            yield Ledger()
            return
        try:
            yield ledger
        finally:  # also if the block is interrupted, so that nothing is sent twice
            try:
                write_atomically(file, msgspec.json.encode(ledger))
            except OSError as error:
                warn(_describe(state, error))


def _make(state: Path) -> None:
    if state.is_symlink():
        raise OSError(ELOOP, os.strerror(ELOOP))
    state.parent.mkdir(parents=True, exist_ok=True)
    state.mkdir(mode=PRIVATE, exist_ok=True)


def _read(file: Path) -> Ledger:
    with suppress(FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(file.read_bytes(), type=Ledger)
    return Ledger()


def _describe(state: Path, error: OSError) -> str:
    reason = error.strerror or error
    return f"The record of sent alerts cannot be kept in {state} ({reason}): the next export sends them again."
