"""The private file beside what is published that says whose rows these are."""

import json
from dataclasses import asdict

from resources.files import write_atomically
from resources.warehouse.errors import RefusedError
from resources.warehouse.local.folder import Folder, name_folder_in_errors
from resources.warehouse.origin import Origin
from resources.warehouse.stage_format import FORMAT, refuse_newer


def read_note(folder: Folder) -> Origin | None:
    """Read whose rows were published; None if there is no note of it. Raises WarehouseError."""
    with name_folder_in_errors(folder):
        try:
            kept = json.loads(folder.origin.read_bytes())
            refuse_newer(folder.place, kept.pop("format"))
            return Origin(**kept)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RefusedError(
                f"The file {folder.origin}, which says whose rows the folder holds, cannot be read: if they are those "
                "of the account that your variables name, run coupontools adopt, which rewrites it."
            ) from None


def write_note(folder: Folder, origin: Origin) -> None:
    """Write the note, beside what is published, of whose rows the folder holds. Raises WarehouseError."""
    content = json.dumps({"format": FORMAT, **asdict(origin)}).encode()
    with name_folder_in_errors(folder):
        if not (folder.origin.exists() and folder.origin.read_bytes() == content):
            write_atomically(folder.origin, content)
