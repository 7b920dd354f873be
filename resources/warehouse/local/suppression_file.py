"""The list of suppressed people as a file beside the published database.

It outlives the private folder, and can be read by its owner alone.
"""

import json
import secrets
from dataclasses import replace

from resources.warehouse.errors import RefusedError
from resources.warehouse.local.files import write_atomically
from resources.warehouse.local.folder import Folder, name_folder_in_errors
from resources.warehouse.suppression import SuppressionList, keyed_hash


def read_suppression(folder: Folder, secret: bytes | None, *, keep_salt: bool = False) -> SuppressionList:
    """Read who is suppressed; a folder without a list gets a new salt, which is kept for the next time on demand.

    `secret` is that of the environment. Raises WarehouseError; RefusedError if the list was made with another one.
    """
    with name_folder_in_errors(folder):
        if folder.forgotten.exists():
            return _read(folder, secret)
    made = SuppressionList(secrets.token_bytes(32), secret)
    if keep_salt:
        folder.make()
        write_suppression(folder, made)
    return made


def _read(folder: Folder, secret: bytes | None) -> SuppressionList:
    try:
        kept = json.loads(folder.forgotten.read_bytes())
        if "marks" in kept:
            return SuppressionList(bytes.fromhex(kept["key"]), None, frozenset(kept["marks"]), 1)
        suppressed = SuppressionList(bytes.fromhex(kept["salt"]), secret, frozenset(kept["hashes"]), kept["format"])
        check = kept["check"]
    except (ValueError, KeyError, TypeError):
        raise RefusedError(
            f"The file {folder.forgotten}, which says who is kept out, cannot be read: restore it from a "
            "backup, or delete it and run coupontools forget again for everybody who asked for it."
        ) from None
    if check is None:
        return replace(suppressed, secret=None)
    if secret is None or keyed_hash(suppressed.key, "") != check:
        raise RefusedError(
            f"The people who are kept out of {folder.root} are known by another COUPONTOOLS_PERSONAL_DATA_KEY: set it "
            "to what it was when they were forgotten, else they would come back."
        )
    return suppressed


def write_suppression(folder: Folder, suppressed: SuppressionList) -> None:
    """Remember to keep people out. Raises WarehouseError."""
    kept = {
        "format": suppressed.format,
        "salt": suppressed.salt.hex(),
        "check": keyed_hash(suppressed.key, "") if suppressed.secret else None,
        "hashes": sorted(suppressed.hashes),
    }
    with name_folder_in_errors(folder):
        write_atomically(folder.forgotten, json.dumps(kept).encode())
