"""Writes files and links so that they are there completely or not at all, even if the power fails."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

PRIVATE, PRIVATE_FILE = 0o700, 0o600


def write_atomically(path: Path, content: bytes) -> None:
    """Write a private file that is there completely or not at all, even if the power fails."""
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.unlink(missing_ok=True)  # a link would lead the content elsewhere
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    move_into_place(unfinished, path)


def move_into_place(unfinished: Path, path: Path) -> None:
    """Move a finished file to its path, replacing what is there, so that it survives a power failure."""
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
    """Make a published folder, which is read-only, writable for its owner."""
    if not os.access(folder, os.W_OK):
        folder.chmod(PRIVATE)


def remove_tree(folder: Path) -> None:
    """Delete a folder with all that is in it, or the file or link in its place, if there is any."""
    with suppress(FileNotFoundError):
        if folder.is_dir() and not folder.is_symlink():
            for path in (folder, *folder.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    make_writable(path)
            shutil.rmtree(folder)
        else:
            folder.unlink()
