"""Reads and writes the list of suppressed people as JSON, wherever it is stored."""

import json
from dataclasses import replace

from resources.warehouse.errors import RefusedError
from resources.warehouse.place import Place
from resources.warehouse.suppression import SuppressionList, keyed_hash


def write_list(suppressed: SuppressionList) -> bytes:
    """Encode a list, with a check value that shows whether a secret is the one that it was made with."""
    kept = {
        "format": suppressed.format,
        "salt": suppressed.salt.hex(),
        "check": keyed_hash(suppressed.key, "") if suppressed.secret else None,
        "hashes": sorted(suppressed.hashes),
    }
    return json.dumps(kept).encode()


def read_list(content: bytes, secret: bytes | None, where: str, place: Place) -> SuppressionList:
    """Read the list of a place; `where` says what holds it, at the beginning of a sentence.

    Raises RefusedError if it is unreadable, or if it was made with another secret.
    """
    try:
        kept = json.loads(content)
        if "marks" in kept:
            return SuppressionList(bytes.fromhex(kept["key"]), None, frozenset(kept["marks"]), 1)
        suppressed = SuppressionList(bytes.fromhex(kept["salt"]), secret, frozenset(kept["hashes"]), kept["format"])
        check = kept["check"]
    except (ValueError, KeyError, TypeError):
        raise RefusedError(
            f"{where}, which says who is kept out, cannot be read: restore it from a backup, or delete it and run "
            "coupontools forget again for everybody who asked for it."
        ) from None
    if check is None:
        return replace(suppressed, secret=None)
    if secret is None or keyed_hash(suppressed.key, "") != check:
        raise RefusedError(
            f"The people who are kept out of {place.address} are known by another COUPONTOOLS_PERSONAL_DATA_KEY: set "
            "it to what it was when they were forgotten, else they would come back."
        )
    return suppressed
