"""People who asked to be forgotten: who they are cannot be read from what is kept of them.

The file lies beside the published database, so that it outlives the private folder, and can be read by its owner alone.
"""

import hmac
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace

from resources.warehouse.errors import RefusedError
from resources.warehouse.files import Folder, telling_the_folder, write_whole


@dataclass(frozen=True)
class Forgotten:
    """Keyed hashes of e-mail addresses and phone numbers, as `identities` writes them."""

    key: bytes
    marks: frozenset[str] = frozenset()

    def mark(self, identifier: str) -> str:
        """What an identifier is known by."""
        return keyed_hash(self.key, identifier)


def keyed_hash(key: bytes, text: str) -> str:
    """HMAC-SHA-256 of a text, in hexadecimal digits."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def read_forgotten(folder: Folder, *, keep_key: bool = False) -> Forgotten:
    """Read who is forgotten; a folder without such people gets a new key, which is there next time if it is kept.

    Raises WarehouseError.
    """
    with telling_the_folder(folder):
        if folder.forgotten.exists():
            try:
                kept = json.loads(folder.forgotten.read_bytes())
                return Forgotten(bytes.fromhex(kept["key"]), frozenset(kept["marks"]))
            except (ValueError, KeyError, TypeError):
                raise RefusedError(
                    f"The file {folder.forgotten}, which says who is kept out, cannot be read: restore it from a "
                    "backup, or delete it and run coupontools forget again for everybody who asked for it."
                ) from None
    made = Forgotten(secrets.token_bytes(32))
    if keep_key:
        _write(folder, made)
    return made


def add_forgotten(folder: Folder, identifiers: Collection[str]) -> None:
    """Remember to keep people out. Raises WarehouseError."""
    known = read_forgotten(folder)
    _write(folder, replace(known, marks=known.marks | {known.mark(each) for each in identifiers}))


def _write(folder: Folder, forgotten: Forgotten) -> None:
    kept = {"key": forgotten.key.hex(), "marks": sorted(forgotten.marks)}
    with telling_the_folder(folder):
        write_whole(folder.forgotten, json.dumps(kept).encode())
