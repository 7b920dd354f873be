"""Opens batches: the one that a dead run left for the same resume key, or else a new one; deletes outdated ones."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from uuid import uuid4

from resources.warehouse.batch import MANIFEST, Batch, BatchKey, Manifest
from resources.warehouse.completed_slices import find_merged_slices
from resources.warehouse.engine import Engine
from resources.warehouse.store import Store


@contextmanager
def open_batch(engine: Engine, store: Store, key: BatchKey) -> Iterator[Batch]:
    """Open the batch of a dead run with the same key, or else a new one; it stays, to be resumed, until it is deleted.

    Batches of dead runs that nobody may resume any more are deleted. Raises WarehouseError, also for what goes wrong
    with the storage inside the block.
    """
    with store.connect():
        merged = find_merged_slices(engine, key)
        with store.lock():
            batch = _resume(store, key) or _create(store, key)
        batch.merged_slices, batch.date = merged, key.date
        try:
            yield batch
        finally:
            store.release(batch.name)


def _resume(store: Store, key: BatchKey) -> Batch | None:
    resumed, now = None, datetime.now(UTC)
    for name in store.list_batches():
        if not store.take(name):
            continue
        manifest = _read_manifest(store, name, key, now)
        if manifest and manifest.resume_key == key.resume_key and resumed is None:
            with suppress(ValueError, KeyError, TypeError):  # a list of slices or a file is broken
                resumed = Batch(store, name, manifest)
                continue
            manifest = None
        if manifest:
            store.release(name)
        else:
            store.delete(name)
    return resumed


def _create(store: Store, key: BatchKey) -> Batch:
    now = datetime.now(UTC)
    name = f"{_name_at(now)}-{uuid4().hex[:8]}"
    manifest = key.begin(now)
    store.create(name)
    store.write_note(name, MANIFEST, manifest.to_json())
    return Batch(store, name, manifest)


def _name_at(moment: datetime) -> str:
    """Return the prefix of the names of batches begun at this moment, which sort by it."""
    return f"{moment:%Y%m%dT%H%M%S}"


def _read_manifest(store: Store, name: str, key: BatchKey, now: datetime) -> Manifest | None:
    """Read the manifest of a batch that may be resumed; None for one that may not, whatever its key.

    It may not if it is out of date, of another version, begun while the clock was ahead, or if other people were
    suppressed when it was begun.
    """
    if name > _name_at(now) + "~":
        return None
    try:
        manifest = Manifest.from_json(store.read_note(name, MANIFEST))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest if manifest.is_resumable(now) and manifest.suppression == key.suppression else None


def delete_batches(store: Store) -> None:
    """Delete all batches of dead runs."""
    with store.lock():
        for name in store.list_batches():
            if store.take(name):
                store.delete(name)
