"""Who may write into the folder: one account. It is asked before anything is read, and again in every merge."""

from dataclasses import replace

from resources.account_fingerprint import ACCOUNT, kind_of
from resources.warehouse.errors import RefusedError
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.stage_file import stage, writer_lock
from resources.warehouse.origin import Origin, note_origin, read_note, refuse_others, stage_origin, staged_origin


def admit(folder: Folder, origin: Origin) -> None:
    """Raise RefusedError if the folder holds rows of another origin; it stays as it is. Raises WarehouseError."""
    known = read_note(folder)
    if known is None and folder.stage.exists():  # written before there were notes, or by a run that was killed
        with writer_lock(folder), stage(folder) as connection:
            known = staged_origin(connection)
    if known:
        refuse_others(folder, known, origin)


def adopt(folder: Folder, origin: Origin) -> None:
    """Let the rows of the folder be those of an account whose address or keys are new. Raises WarehouseError.

    A demo's folder, the sandbox's, and one that holds nothing are refused: their rows are of no account.
    """
    if not (folder.stage.exists() or folder.database.exists() or folder.parquet.exists()):
        raise RefusedError(f"The folder {folder.root} holds no rows yet: the first export makes it your account's.")
    try:
        read_note(folder)
    except RefusedError:
        folder.origin.unlink()
    with writer_lock(folder), stage(folder) as connection:
        known = staged_origin(connection) or origin
        if kind_of(known.account) != ACCOUNT or kind_of(origin.account) != ACCOUNT:
            refuse_others(folder, known, origin)
        adopted = replace(known, account=origin.account)
        stage_origin(connection, adopted)
        note_origin(folder, adopted)
