"""Erases people from what a lake has published and from all its former states, without publishing anything else."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace

import duckdb

from resources.warehouse.erased_rows import erase_people
from resources.warehouse.lake.address import CATALOGUE
from resources.warehouse.lake.lake import STAGE, Lake
from resources.warehouse.lake.lake_duckdb import LAKE
from resources.warehouse.lake.parquet_tree import delete_trees, publish_tree, read_tree, write_tree
from resources.warehouse.lake.pinned_views import (
    KEPT,
    list_tables,
    note_pin,
    pin_tables,
    published_outline,
)
from resources.warehouse.lake.upkeep import compact, expire
from resources.warehouse.lake.writer import Writer
from resources.warehouse.publication import REPORT
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import quoted_name
from resources.warehouse.suppression import SuppressionList, remove_suppressed_from_page


def erase_history(lake: Lake, tables: Sequence[TableSchema], suppressed: SuppressionList) -> dict[str, int]:
    """Erase people from everything but the stage, which no longer has them; returns the published rows by table.

    Only under the writer lock, right after the transaction that has erased them from the stage. Former states cannot
    be read afterwards.
    """
    before = lake.writer.begun_at
    with lake.open_stage() as connection:
        outline = published_outline(connection)
        kept = set[str]() if outline is None else _keep_published(connection, before)
    with lake.open_stage() as connection:
        erased = {
            table.name: erase_people(connection, table, f"{KEPT}.{quoted_name(table.name)}", suppressed)
            for table in tables
            if table.name in kept
        }
    with lake.open() as connection:
        compact(connection, lake.writer, 0)
    snapshot = lake.writer.latest_snapshot()
    if outline is not None:
        with lake.open_stage() as connection:
            schemas = {name: KEPT if name in kept else STAGE for name in list_tables(connection)}
            pin_tables(connection, schemas, snapshot)
            connection.execute("DELETE FROM _state.published")
            note_pin(connection, outline, snapshot)
    _erase_trees(lake, snapshot, tables, kept)
    _erase_report(lake, suppressed)
    with lake.open() as connection:
        expire(connection, lake.writer, [snapshot])
        for call in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
            lake.writer.require()
            connection.execute(f"CALL {call}('{LAKE}', cleanup_all => true)").fetchall()
    _narrow_statistics(lake.writer)
    return erased


def _keep_published(connection: duckdb.DuckDBPyConnection, before: int) -> set[str]:
    """Copy the published rows of tables that the stage was ahead of in the snapshot `before`; returns their names.

    What is not audited yet stays unpublished. All other tables can be published as the stage has them.
    """
    ahead = f"SELECT DISTINCT table_name FROM _state.changed AT (VERSION => {before})"
    shown = f"SELECT view_name FROM duckdb_views() WHERE database_name = '{LAKE}' AND schema_name = 'main'"
    names = {row[0] for row in connection.execute(f"{ahead} INTERSECT {shown}").fetchall()}
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {KEPT}")
    for name in map(quoted_name, names):
        connection.execute(f"CREATE OR REPLACE TABLE {KEPT}.{name} AS FROM main.{name}")
    return names


def _erase_trees(lake: Lake, snapshot: int, tables: Sequence[TableSchema], kept: Collection[str]) -> None:
    """Rewrite the published Parquet files and delete the former ones; where none are published, delete all."""
    before = read_tree(lake).without_files
    if before.etag is None or not lake.address.publish_parquet:
        delete_trees(lake)
        return
    with lake.duckdb.open(KEPT) as connection:
        copied = [_as_copied(connection, table) for table in tables if table.name in kept]
        copies = write_tree(lake, connection, snapshot, copied, before)
        connection.execute(f"USE {LAKE}.{STAGE}")
        others = write_tree(lake, connection, snapshot, [table for table in tables if table.name not in kept], before)
    publish_tree(lake, replace(others, files={**others.files, **copies.files}))


def _erase_report(lake: Lake, suppressed: SuppressionList) -> None:
    with suppress(FileNotFoundError):  # where nothing was published yet
        page = lake.objects.read(REPORT).decode(errors="replace")
        erased = remove_suppressed_from_page(page, suppressed)
        if erased != page:
            lake.objects.put(REPORT, erased.encode())


def _as_copied(connection: duckdb.DuckDBPyConnection, table: TableSchema) -> TableSchema:
    """Return a table with the columns that its copy has, as an older version may have published it."""
    known = {row[0] for row in connection.execute(f"DESCRIBE {quoted_name(table.name)}").fetchall()}
    return replace(table, columns=tuple(column for column in table.columns if column.name in known))


def _narrow_statistics(writer: Writer) -> None:
    """Narrow the bounds that the catalogue has of each text column to the texts of the objects that are left.

    DuckLake only widens these bounds, which may be somebody's address. Where an object has none, because its texts are
    very long, the bounds are those of any text.
    """
    writer.require()
    held = (
        'SELECT file.table_id, stats.column_id, min(stats.min_value COLLATE "C") AS lowest, '
        'max(stats.max_value COLLATE "C") AS highest, '
        "bool_or(stats.min_value IS NULL AND stats.value_count > stats.null_count) AS are_unknown "
        f"FROM {CATALOGUE}.ducklake_data_file AS file "
        f"JOIN {CATALOGUE}.ducklake_file_column_stats AS stats USING (data_file_id) "
        "WHERE file.end_snapshot IS NULL GROUP BY file.table_id, stats.column_id"
    )
    texts = (
        f"SELECT column_id, table_id FROM {CATALOGUE}.ducklake_column "
        "WHERE column_type = 'varchar' AND end_snapshot IS NULL"
    )
    writer.session.query(
        f"UPDATE {CATALOGUE}.ducklake_table_column_stats AS known SET "
        "min_value = CASE WHEN held.are_unknown THEN '' ELSE held.lowest END, "
        "max_value = CASE WHEN held.are_unknown THEN chr(1114111) ELSE held.highest END "
        f"FROM ({texts}) AS texts LEFT JOIN ({held}) AS held USING (table_id, column_id) "
        "WHERE known.table_id = texts.table_id AND known.column_id = texts.column_id"
    )
    for table in ("ducklake_table_column_stats", "ducklake_file_column_stats"):
        writer.session.query(f"VACUUM {CATALOGUE}.{table}")
