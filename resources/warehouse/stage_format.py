"""The format of the stage: its private tables, and the migrations from each former version to the current one."""

import duckdb

from resources.warehouse.errors import RefusedError
from resources.warehouse.live_rows import note_rows
from resources.warehouse.parquet_partitions import EVERY_TABLE
from resources.warehouse.place import Place
from resources.warehouse.warehouse_id import ADD_MERGED_AT, MAKE_ID, write_staged_id

FORMAT = 7

_INVENTORY = (
    "CREATE TABLE _state.files (name VARCHAR, size BIGINT, modified BIGINT); "
    "CREATE TABLE _state.live (table_name VARCHAR, live_rows BIGINT, deleted_rows BIGINT)"
)
_COMPLETED_SLICES = (
    "CREATE TABLE _state.completed_slices (run_id VARCHAR, resume_key VARCHAR, suppression VARCHAR, "
    "begun_at TIMESTAMP, resumable_until TIMESTAMP, endpoint VARCHAR, parent VARCHAR, window_start VARCHAR, "
    "window_end VARCHAR)"
)
_MIGRATIONS = {
    # of versions that had tables divided by month alone
    1: "ALTER TABLE _state.changed RENAME COLUMN month TO partition",
    # of versions that distinguished the sandbox from an account, but no two accounts
    2: "CREATE OR REPLACE TABLE _state.origin AS SELECT split_part(origin, ' ', 1) AS account, "
    "substr(origin, length(account) + 1) AS personal_data FROM _state.origin; "
    "CREATE TABLE _state.format (version INTEGER); INSERT INTO _state.format VALUES (3); "
    f"INSERT INTO _state.changed VALUES ('{EVERY_TABLE}', ''); {_INVENTORY}",
    # of versions that kept merged slices in the batch until the end of the run
    3: f"UPDATE _state.format SET version = 4; {_COMPLETED_SLICES}",
    # of versions whose warehouses had no id
    4: f"UPDATE _state.format SET version = 5; {MAKE_ID}",
    # of versions that did not count deleted rows
    5: "UPDATE _state.format SET version = 6; ALTER TABLE _state.live ADD COLUMN IF NOT EXISTS deleted_rows BIGINT",
    # of versions that did not record when they merged
    6: f"UPDATE _state.format SET version = 7; {ADD_MERGED_AT}",
}
"""The migration of each format to the next one."""


def create_state_tables(connection: duckdb.DuckDBPyConnection, warehouse_id: str = "") -> None:
    """Create the private tables of a new stage, of which everything is still to be published.

    `warehouse_id` is that of the stage that it replaces, if there was one.
    """
    connection.execute("CREATE SCHEMA _state")
    connection.execute("CREATE TABLE _state.changed (table_name VARCHAR, partition VARCHAR)")
    connection.execute("INSERT INTO _state.changed VALUES (?, '')", [EVERY_TABLE])
    connection.execute("CREATE TABLE _state.origin (account VARCHAR, personal_data VARCHAR)")
    connection.execute("CREATE TABLE _state.format (version INTEGER)")
    connection.execute("INSERT INTO _state.format VALUES (?)", [FORMAT])
    connection.execute(f"{_INVENTORY}; {_COMPLETED_SLICES}")
    write_staged_id(connection, warehouse_id)
    note_rows(connection)


def read_format(connection: duckdb.DuckDBPyConnection, place: Place) -> int | None:
    """Read the format of a stage, None if it is not one. Raises RefusedError if a newer version has written it."""
    version = _format_of(connection)
    if version is not None:
        refuse_newer(place, version)
    return version


def migrate_stage(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    """Migrate a stage of an older format to the current one; in a transaction, as it is several statements."""
    for number in range(version, FORMAT):
        connection.execute(_MIGRATIONS[number])
    if version <= 2:  # these formats did not count what was published: what is there counts as that
        note_rows(connection)


def refuse_newer(place: Place, version: int) -> None:
    """Raise RefusedError if a format is one that only a newer version knows."""
    if version > FORMAT:
        raise RefusedError(
            f"{place.name} was written by a newer version of the export (format {version}, this one knows "
            f"{FORMAT}): upgrade this one, or set {place.setting} to another {place.kind}."
        )


def _format_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Read the format of the opened database; None if it is not a stage."""
    try:
        return int(connection.execute("SELECT version FROM _state.format").fetchall()[0][0])
    except (duckdb.CatalogException, duckdb.BinderException):  # one of the first two formats, or no stage
        columns = "duckdb_columns() WHERE database_name = current_database() AND schema_name = '_state'"
        known = set(connection.execute(f"SELECT table_name, column_name FROM {columns}").fetchall())
    if ("changed", "month") in known:
        return 1
    return 2 if ("changed", "partition") in known else None
