"""Publishing: the stage becomes what analysts see; the database and the folder of files change in one rename each.

The database is a copy of the stage, to which the link `coupontools.duckdb` leads. The Parquet files of all tables stand
in a snapshot folder, to which the link `parquet` leads; those of partitions that have not changed are shared with the
snapshot before, so that only changed ones are written. Whoever has a file open keeps it, whoever opens one gets the new
state.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import duckdb

from resources.files import remove_tree
from resources.warehouse.columns import create_marts
from resources.warehouse.completed_slices import delete_slices
from resources.warehouse.engine import Engine
from resources.warehouse.live_rows import note_rows
from resources.warehouse.local.database_copy import copy_meanwhile, open_file_of
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.inventory import Inventory, note_files, take_inventory
from resources.warehouse.local.parquet_files import LAYOUT, note_outlines, write_tables
from resources.warehouse.local.snapshots import SECONDS_OF_GRACE, UNFINISHED_FOLDER, seal, swap, sweep
from resources.warehouse.local.stage_file import StageFile
from resources.warehouse.publication import Publication, PublishResult
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import is_empty
from resources.warehouse.stage_tables import prepare_tables


@contextmanager
def open_publication(
    engine: Engine, stage: StageFile, tables: Sequence[TableSchema], marts: Sequence[str]
) -> Iterator[Publication]:
    """Prepare the stage as it is now for analysts; see `Engine.open_publication`."""
    folder, outline = stage.folder, sha256(repr((LAYOUT, tables, marts)).encode()).hexdigest()
    unfinished = folder.snapshots / UNFINISHED_FOLDER
    copy = unfinished / folder.database.name
    with stage.hold_writer_lock():
        remove_tree(unfinished)
        _make_room(folder)
        try:
            begun = time.monotonic()
            stage.compact()
            with ExitStack() as until_detached, stage.open() as connection:
                connection.begin()
                result = PublishResult(prepare_tables(engine, connection, tables))
                connection.commit()
                inventory = take_inventory(connection, folder)
                if is_current := _is_current(connection, folder, outline, inventory):
                    delete_slices(connection, engine.run_id)
                else:
                    unfinished.mkdir()
                    file = until_detached.enter_context(open_file_of(connection))
                    with copy_meanwhile(connection, file, copy):
                        files_written = write_tables(connection, tables, folder, unfinished, inventory)
            if is_current:
                yield Publication(None, result)
                return
            written = time.monotonic()
            with _open_copy(stage, copy, marts) as connection:
                publication = Publication(connection, result)
                yield publication
            _swap(folder, unfinished, publication.texts)
            seconds = {"writing files": written - begun, "completing the database": time.monotonic() - written}
            publication.result = replace(result, files_written=files_written, seconds=seconds)
        finally:
            remove_tree(unfinished)
        with stage.open() as connection:
            connection.begin()
            delete_slices(connection, engine.run_id)
            _note_publish(connection, folder, outline, tables, publication.texts)
            connection.commit()
        _make_room(folder)


def _make_room(folder: Folder) -> None:
    """Delete what was replaced, by this publish or by others that were killed."""
    with suppress(OSError):  # of another user, or open on NFS, which does no harm
        sweep(folder, SECONDS_OF_GRACE)


def _is_current(connection: duckdb.DuckDBPyConnection, folder: Folder, outline: str, inventory: Inventory) -> bool:
    """Whether what is published is up to date: no row, no table, no view and no published file has changed."""
    has_links = folder.database.is_symlink() and folder.parquet.is_symlink()
    if inventory.changed or not (inventory.intact and has_links):
        return False
    connection.execute("CREATE TABLE IF NOT EXISTS _state.published (outline VARCHAR)")
    known = connection.execute("SELECT outline FROM _state.published").fetchall()
    return known == [(outline,)] and is_empty(connection, "_state.changed")


@contextmanager
def _open_copy(stage: StageFile, copy: Path, marts: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the copy of the stage, delete what is private in it, and add the views."""
    with stage.local_duckdb.open(copy) as connection:
        connection.begin()
        connection.execute("DROP SCHEMA _state CASCADE")
        create_marts(connection, marts)
        connection.commit()
        yield connection


def _swap(folder: Folder, unfinished: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (unfinished / name).write_text(text, "utf-8")
    seal(unfinished)
    swap(folder, unfinished, list(texts))


def _note_publish(
    connection: duckdb.DuckDBPyConnection,
    folder: Folder,
    outline: str,
    tables: Sequence[TableSchema],
    texts: Collection[str],
) -> None:
    """Record in the stage what was published."""
    connection.execute("DELETE FROM _state.changed")
    connection.execute("CREATE OR REPLACE TABLE _state.published AS SELECT ? AS outline", [outline])
    note_outlines(connection, tables)
    note_rows(connection)
    note_files(connection, folder, [folder.database.name, *texts])
