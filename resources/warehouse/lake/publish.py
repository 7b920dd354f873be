"""Publishes a lake: views of one snapshot of the stage are replaced in one transaction; no row is copied.

What is merged later is in later snapshots, which no view shows until it is published.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256

import duckdb

from resources.warehouse.completed_slices import delete_slices
from resources.warehouse.engine import Engine
from resources.warehouse.lake.lake import STAGE, Lake
from resources.warehouse.lake.parquet_tree import delete_trees, publish_tree, read_tree, write_tree
from resources.warehouse.lake.pinned_views import (
    drop_kept,
    list_tables,
    note_pin,
    open_preview,
    pin_tables,
    pinned_snapshots,
    published_outline,
    replace_marts,
)
from resources.warehouse.lake.upkeep import tidy
from resources.warehouse.live_rows import note_rows
from resources.warehouse.publication import Publication, PublishResult
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import is_empty
from resources.warehouse.stage_tables import prepare_tables


@contextmanager
def open_publication(
    engine: Engine, lake: Lake, tables: Sequence[TableSchema], marts: Sequence[str]
) -> Iterator[Publication]:
    """Prepare the stage as it is now for readers; see `Engine.open_publication`."""
    outline = sha256(repr((tables, marts, lake.address.publish_parquet)).encode()).hexdigest()
    with lake.hold_writer_lock():
        begun, before = time.monotonic(), read_tree(lake)
        with lake.open_stage() as connection:
            result = PublishResult(prepare_tables(engine, connection, tables))
            known = published_outline(connection)
            is_tree_known = before.is_whole and pinned_snapshots(connection)[:1] == [before.snapshot]
            is_published = known == outline and is_empty(connection, "_state.changed")
            is_current = is_published and (is_tree_known or not lake.address.publish_parquet)
            if is_current:
                delete_slices(connection, engine.run_id)
        if is_current:
            yield Publication(None, result)
            return
        snapshot, tree = lake.writer.latest_snapshot(), None
        with lake.open() as connection:
            with open_preview(connection, snapshot, tables, marts):
                publication = Publication(connection, result)
                yield publication
            if lake.address.publish_parquet:
                # a new outline may bring columns, which files of the tree before have not
                known_files = before if is_tree_known and known == outline else before.without_files
                tree = write_tree(lake, connection, snapshot, tables, known_files)
        for name, text in publication.texts.items():
            lake.objects.put(name, text.encode())
        with lake.open_stage() as connection:
            pin_tables(connection, dict.fromkeys(list_tables(connection), STAGE), snapshot)
            drop_kept(connection)
            if known != outline:
                replace_marts(connection, marts)
            _note_publish(connection, engine.run_id, outline, snapshot)
        if tree:
            publish_tree(lake, tree, [before])
        elif before.etag:  # of a time when they were published; they would look like those of today
            delete_trees(lake)
        seconds = {"publishing": time.monotonic() - begun}
        publication.result = replace(result, files_written=tree.written if tree else 0, seconds=seconds)
        with lake.open() as connection:
            tidy(connection, lake.writer)


def _note_publish(connection: duckdb.DuckDBPyConnection, run_id: str, outline: str, snapshot: int) -> None:
    delete_slices(connection, run_id)
    connection.execute("DELETE FROM _state.changed")
    note_rows(connection)
    note_pin(connection, outline, snapshot)
