"""Erases people from everything that is kept: the stage, what waits to be merged, and what is published.

First the list of those who are kept out is written, so that whatever happens then, nobody comes back. What a dead run
has left undone the next `forget` does, as it looks for everybody on the list.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from resources.warehouse.admission import admit
from resources.warehouse.batch import OWNER
from resources.warehouse.erased_rows import erase, find
from resources.warehouse.errors import RefusedError
from resources.warehouse.local.files import remove_tree
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.locks import FileLock
from resources.warehouse.local.published_erasure import erase_published
from resources.warehouse.local.snapshots import sweep
from resources.warehouse.local.stage_file import compact, ensure_table, stage, writer_lock
from resources.warehouse.origin import Origin
from resources.warehouse.parquet_partitions import note_changes
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import execute_counting, quoted_name, quoted_text
from resources.warehouse.suppression import SuppressionList, read_suppression, write_suppression

AT_ONCE = -1.0
"""The seconds of grace of a snapshot that is deleted whatever its time says."""


@dataclass(frozen=True)
class People:
    """Who is to be forgotten: `identities` of them, and what these become in a folder where texts are hashed.

    `origin` is that of the folder that is meant, `secret` that of the environment.
    """

    identifiers: Collection[str]
    hashes: Collection[str]
    origin: Origin
    secret: bytes | None


def forget(folder: Folder, people: People, tables: Sequence[TableSchema]) -> dict[str, int]:
    """Erase people, and keep them out of what is read later; returns the rows by table that they were erased from.

    What happened stays, without the people; a row that is nothing without them is deleted.
    Raises WarehouseError; RefusedError, with nobody erased, if the folder is not the one that is meant.
    """
    if not (folder.stage.exists() or folder.database.exists() or folder.parquet.exists()):
        raise RefusedError(f"The folder {folder.root} holds no export: set COUPONTOOLS_DATA_DIR to the one that does.")
    admit(folder, people.origin)
    with writer_lock(folder):
        suppressed = read_suppression(folder, people.secret).with_identifiers({*people.identifiers, *people.hashes})
        write_suppression(folder, suppressed)
        _drop_batches(folder)
        with stage(folder) as connection:
            connection.begin()
            staged = {table.name: _erase_staged(connection, folder, table, suppressed) for table in tables}
            connection.commit()
        compact(folder, at_once=True)
        published = erase_published(folder, tables, suppressed)
        sweep(folder, AT_ONCE)
        _drop_unfinished(folder)
    return {name: rows for name in staged if (rows := max(staged[name], published.get(name, 0)))}


def _erase_staged(
    connection: duckdb.DuckDBPyConnection, folder: Folder, table: TableSchema, suppressed: SuppressionList
) -> int:
    """Erase people from a table, and note which files are out of date without them."""
    ensure_table(connection, folder, table)
    name = quoted_name(table.name)
    found = find(connection, table, name, "rowid", suppressed)
    if found:
        with_rows = f"{name} AS every JOIN found ON every.rowid = found.row"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE changing AS SELECT every.* FROM {with_rows}")
        note_changes(connection, table, "changing")
        if table.is_about_people:  # that they are gone is no drop that a publish would have to be asked about
            live = execute_counting(
                connection, f"SELECT count(*) FROM {with_rows} WHERE is_theirs AND _deleted_at IS NULL"
            )
            connection.execute(
                f"UPDATE _state.live SET live_rows = live_rows - {live} WHERE table_name = {quoted_text(table.name)}"
            )
        erase(connection, table, name, "rowid")
    return found


def _drop_batches(folder: Folder) -> None:
    """Delete what dead runs have read; of what living ones have read people are taken out when it is merged."""
    with folder.lock("batches"):
        for path in folder.batches.iterdir():
            lock = FileLock(path / OWNER)
            if not lock.try_now():
                continue
            remove_tree(path)
            lock.release()


def _drop_unfinished(folder: Folder) -> None:
    """Delete what runs that died while they wrote a file have left of it."""
    remove_tree(folder.spill)
    for left_over in [*folder.root.glob("*.tmp"), *folder.state.glob("*.tmp")]:
        left_over.unlink()
