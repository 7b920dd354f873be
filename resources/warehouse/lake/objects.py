"""The objects of a lake on S3, or on another store that speaks its protocol, named below its prefix."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import obstore
from obstore.store import S3Store

from resources.warehouse.lake.address import LakeAddress

RETRIES: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}
"""Retries of each request before it counts as failed: the run itself may be retried later."""

TIMEOUTS: Any = {"connect_timeout": "10s", "timeout": "300s"}


class Objects:
    """Reads and writes whole objects; each is there completely or not at all.

    Methods raise errors of obstore and OSError. Safe to use from several threads.
    """

    def __init__(self, address: LakeAddress) -> None:
        """Set up access to the bucket, below the prefix."""
        keys = address.keys
        config: Any = {
            "access_key_id": keys.access_key_id.get_secret_value(),
            "secret_access_key": keys.secret_access_key.get_secret_value(),
            "region": keys.region,
        }
        if keys.session_token:
            config["session_token"] = keys.session_token.get_secret_value()
        if keys.endpoint_url:
            config["endpoint"] = keys.endpoint_url
        options = {**TIMEOUTS, "allow_http": bool(keys.endpoint_url and keys.endpoint_url.startswith("http://"))}
        self._store: Any = S3Store(
            address.bucket, prefix=address.prefix or None, config=config, client_options=options, retry_config=RETRIES
        )

    def put(self, name: str, content: bytes) -> None:
        """Write an object, or replace it."""
        obstore.put(self._store, name, content)

    def replace(self, name: str, content: bytes, etag: str | None) -> str:
        """Write an object if it still has this ETag, or if there is none for None; returns the new ETag.

        Raises obstore.exceptions.PreconditionError or AlreadyExistsError if another process was faster.
        """
        mode: Any = {"e_tag": etag} if etag else "create"
        return str(obstore.put(self._store, name, content, mode=mode)["e_tag"])

    def read(self, name: str) -> bytes:
        """Read an object. Raises FileNotFoundError."""
        return bytes(obstore.get(self._store, name).bytes())

    def read_with_etag(self, name: str) -> tuple[bytes, str | None]:
        """Read an object with its ETag; empty and None if it is not there."""
        try:
            stored = obstore.get(self._store, name)
        except FileNotFoundError:
            return b"", None
        return bytes(stored.bytes()), stored.meta["e_tag"]

    def list_below(self, prefix: str) -> list[str]:
        """List the names of all objects below a prefix, in order."""
        return sorted(self.sizes_below(prefix))

    def sizes_below(self, prefix: str) -> dict[str, int]:
        """List all objects below a prefix with their sizes in bytes."""
        chunks = obstore.list(self._store, f"{prefix}/")
        return {str(meta["path"]): int(meta["size"]) for chunk in chunks for meta in chunk}

    def copy(self, name: str, other: str) -> None:
        """Copy an object, inside the storage."""
        obstore.copy(self._store, name, other)

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects, in order; a missing one is no error."""
        for name in names:
            obstore.delete(self._store, name)
