"""Erases people from everything that is kept: the stage, what waits to be merged, and what is published.

The list of suppressed people is written first, so that nobody comes back, whatever happens after that. What a killed
`forget` has left undone is done by the next one, as it looks for everybody on the list.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from resources.warehouse.admission import admit
from resources.warehouse.batches import delete_batches
from resources.warehouse.engine import Engine
from resources.warehouse.erased_rows import erase_rows, find_rows
from resources.warehouse.errors import RefusedError
from resources.warehouse.origin import Origin
from resources.warehouse.parquet_partitions import note_changes
from resources.warehouse.row_numbers import renumber_rows
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import execute_counting, quoted_name, quoted_text
from resources.warehouse.stage_tables import ensure_table
from resources.warehouse.store import Store
from resources.warehouse.suppression import SuppressionList


@dataclass(frozen=True)
class People:
    """Who is to be forgotten: their identifiers, and the `hashes` of these in a warehouse where texts are hashed.

    `origin` is that of the warehouse that is meant, `secret` that of the environment.
    """

    identifiers: Collection[str]
    hashes: Collection[str]
    origin: Origin
    secret: bytes | None


def forget(engine: Engine, store: Store, people: People, tables: Sequence[TableSchema]) -> dict[str, int]:
    """Erase people, and keep them out of what is read later; returns the rows by table that they were erased from.

    What happened stays, without the people; rows of tables about people are deleted. What living runs have read is
    merged without them.
    Raises WarehouseError; RefusedError, with nobody erased, if the warehouse is not the one that is meant.
    """
    if not engine.has_rows():
        raise RefusedError(f"{engine.place.name} holds no export: set {engine.place.setting} to the one that does.")
    admit(engine, people.origin)
    with engine.hold_writer_lock():
        suppressed = engine.read_suppression(people.secret).with_identifiers({*people.identifiers, *people.hashes})
        engine.write_suppression(suppressed)
        delete_batches(store)
        with engine.open_stage() as connection:
            staged = {table.name: _erase_staged(engine, connection, table, suppressed) for table in tables}
        published = engine.erase_history(tables, suppressed)
    return {name: rows for name in staged if (rows := max(staged[name], published.get(name, 0)))}


def _erase_staged(
    engine: Engine, connection: duckdb.DuckDBPyConnection, table: TableSchema, suppressed: SuppressionList
) -> int:
    """Erase people from a table, and note which published files are out of date."""
    ensure_table(engine, connection, table)
    name = quoted_name(table.name)
    renumber_rows(connection, name)
    count = find_rows(connection, table, name, "rowid", suppressed)
    if count:
        with_rows = f"{name} AS stored JOIN naming_rows ON stored.rowid = naming_rows.row"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE changing AS SELECT stored.* FROM {with_rows}")
        note_changes(connection, table, "changing")
        if table.is_about_people:  # so that these deletions do not count for the check `no_sudden_drop`
            live = execute_counting(
                connection, f"SELECT count(*) FROM {with_rows} WHERE is_theirs AND _deleted_at IS NULL"
            )
            connection.execute(
                f"UPDATE _state.live SET live_rows = live_rows - {live} WHERE table_name = {quoted_text(table.name)}"
            )
        erase_rows(connection, table, name, "rowid")
    return count
