"""The list of suppressed people as a file beside the published database.

It outlives the private folder, and can be read by its owner alone.
"""

import secrets

from resources.files import write_atomically
from resources.warehouse.local.folder import Folder, name_folder_in_errors
from resources.warehouse.suppression import SuppressionList
from resources.warehouse.suppression_json import read_list, write_list


def read_suppression(folder: Folder, secret: bytes | None, *, keep_salt: bool = False) -> SuppressionList:
    """Read who is suppressed; without a list a new one is made, whose salt is stored if `keep_salt` is set.

    `secret` is that of the environment. Raises WarehouseError; RefusedError if the list was made with another one.
    """
    with name_folder_in_errors(folder):
        if folder.forgotten.exists():
            return read_list(folder.forgotten.read_bytes(), secret, f"The file {folder.forgotten}", folder.place)
    made = SuppressionList(secrets.token_bytes(32), secret)
    if keep_salt:
        folder.make()
        write_suppression(folder, made)
    return made


def write_suppression(folder: Folder, suppressed: SuppressionList) -> None:
    """Store who is suppressed. Raises WarehouseError."""
    with name_folder_in_errors(folder):
        write_atomically(folder.forgotten, write_list(suppressed))
