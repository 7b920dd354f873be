"""Snapshots: folders of Parquet files, and the files of databases; two links lead to the ones that analysts see.

What is published is read-only, files and folders, and each link is replaced in one rename.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from resources.files import make_writable, remove_tree, replace_link, sync
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.local.folder import Folder, describe_error

FILE_MODE, FOLDER_MODE, ALL_MODES = 0o444, 0o555, 0o777
"""Maximum permissions of published files and of folders, and the mask of all permissions."""

UNFINISHED_FOLDER = "unfinished"

SECONDS_OF_GRACE = 60.0
"""A replaced snapshot stays for this long, for readers who have listed its files but not yet opened them."""


def seal(snapshot: Path) -> None:
    """Make a snapshot read-only, readable as the umask allows, and force all of it to disk."""
    for path in sorted(snapshot.rglob("*"), reverse=True):
        _make_read_only(path, FILE_MODE if path.is_file() else FOLDER_MODE)
        sync(path)
    sync(snapshot)


def _make_read_only(path: Path, most: int) -> None:
    mode = path.stat().st_mode
    if mode & ~most & ALL_MODES:  # what is shared may belong to another user
        path.chmod(mode & most)


def swap(folder: Folder, unfinished: Path, beside: Sequence[str]) -> None:
    """Replace the published database and files by the new ones."""
    _refuse_obstacles(folder, beside)
    replace_database(folder, unfinished)
    try:
        replace_files(folder, unfinished, beside)
    except OSError as error:
        raise WarehouseError(
            f"The folder {folder.root} is published in part: {describe_error(error)}. The database is of this run, "
            "the Parquet files may be those of the last. Run it again once that is put right."
        ) from error


def replace_database(folder: Folder, unfinished: Path) -> None:
    """Replace the published database by the new one.

    It is a link to a file with a path of its own: DuckDB follows the link once, but opens a file several times by its
    path, and would read parts of both if the file were replaced in between.
    """
    home = folder.databases / _make_name()
    home.mkdir()
    (unfinished / folder.database.name).rename(home / folder.database.name)
    _make_read_only(home, FOLDER_MODE)
    sync(home)
    sync(folder.databases)
    replace_link(folder.database, f"{folder.databases.name}/{home.name}/{folder.database.name}")
    sync(folder.root)


def _make_name() -> str:
    """Name the folder of a publish by its time."""
    return f"{time.time():017.6f}"


def replace_files(folder: Folder, unfinished: Path, beside: Sequence[str] = ()) -> None:
    """Replace the published files, except the database, by the new ones."""
    for name in beside:
        (unfinished / name).replace(folder.root / name)
    snapshot = folder.snapshots / _make_name()
    unfinished.rename(snapshot)
    _make_read_only(snapshot, FOLDER_MODE)
    with suppress(FileNotFoundError, PermissionError):
        os.utime(folder.parquet)  # its time of grace begins now, however many publishes died since it was made
    if not folder.parquet.is_symlink() and folder.parquet.is_dir():  # as backups without links restore it
        make_writable(folder.parquet)  # else it could not be moved
        folder.parquet.rename(folder.snapshots / f"{snapshot.name}.replaced")
    replace_link(folder.parquet, f"{folder.snapshots.name}/{snapshot.name}")
    sync(folder.snapshots)
    sync(folder.root)


def _refuse_obstacles(folder: Folder, beside: Sequence[str]) -> None:
    """Raise RefusedError if something that the export does not own stands where a file is to be published."""
    files = [folder.database, *(folder.root / name for name in beside)]
    obstacles = [file for file in files if file.is_dir() and not file.is_symlink()]
    if folder.parquet.is_dir() and not folder.parquet.is_symlink():
        is_ours = os.access(folder.parquet, os.W_OK) or folder.parquet.stat().st_uid == os.geteuid()
        obstacles += [] if is_ours else [folder.parquet]
        others = (file for file in folder.parquet.rglob("*") if file.is_symlink() or not file.is_dir())
        obstacles += [file for file in others if file.is_symlink() or file.suffix != ".parquet"]
    elif folder.parquet.exists() and not folder.parquet.is_symlink():
        obstacles.append(folder.parquet)
    if obstacles:
        raise RefusedError(
            f"{obstacles[0]} stands where the export publishes and is not its own: move it away and run again. "
            "What was published stays as it was."
        )


def sweep(folder: Folder, grace: float) -> None:
    """Delete all databases but the published one, and the snapshots that were replaced more than `grace` seconds ago.

    Also those that were replaced by a clock that was ahead. Raises OSError if one cannot be deleted, after all others
    are.
    """
    database, snapshot, now = folder.database.resolve().parent, folder.parquet.resolve(), time.time()
    replaced = [other for other in folder.databases.iterdir() if other.resolve() != database]
    snapshots = (other for other in folder.snapshots.iterdir() if other.is_dir() and other.resolve() != snapshot)
    replaced += [other for other in snapshots if abs(now - other.stat().st_mtime) > grace]
    errors = []
    for other in replaced:
        try:
            remove_tree(other)
        except OSError as error:
            errors.append(error)
    if errors:
        raise errors[0]
