"""The format of the stage: which versions there were, and the way from each of them to today's."""

import duckdb

from resources.warehouse.errors import RefusedError
from resources.warehouse.local.damage import damaged_stage
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.inventory import begin_inventory
from resources.warehouse.parquet_partitions import EVERY_TABLE

FORMAT = 3

_STEPS = {
    # of versions that had tables divided by month alone
    1: "ALTER TABLE _state.changed RENAME COLUMN month TO partition",
    # of versions that told the sandbox from a real account, and no two of these apart
    2: "CREATE OR REPLACE TABLE _state.origin AS SELECT split_part(origin, ' ', 1) AS account, "
    "substr(origin, length(account) + 1) AS personal_data FROM _state.origin; "
    "CREATE TABLE _state.format (version INTEGER); INSERT INTO _state.format VALUES (3); "
    f"INSERT INTO _state.changed VALUES ('{EVERY_TABLE}', '')",
}
"""What brings a stage of a format to the next one."""


def begin_state(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the private tables of a new stage: all that is in it is to be published."""
    connection.execute("CREATE SCHEMA _state")
    connection.execute("CREATE TABLE _state.changed (table_name VARCHAR, partition VARCHAR)")
    connection.execute("INSERT INTO _state.changed VALUES (?, '')", [EVERY_TABLE])
    connection.execute("CREATE TABLE _state.origin (account VARCHAR, personal_data VARCHAR)")
    connection.execute("CREATE TABLE _state.format (version INTEGER)")
    connection.execute("INSERT INTO _state.format VALUES (?)", [FORMAT])
    begin_inventory(connection)


def bring_up_to_date(connection: duckdb.DuckDBPyConnection, folder: Folder) -> None:
    """Give an older stage the format of today. Raises RefusedError if a newer version has written it."""
    found = _format_of(connection)
    if found is None:
        raise damaged_stage(folder)
    refuse_newer(folder, found)
    if found < FORMAT:
        connection.begin()
        for number in range(found, FORMAT):
            connection.execute(_STEPS[number])
        begin_inventory(connection)
        connection.commit()


def refuse_newer(folder: Folder, found: int) -> None:
    """Raise RefusedError if a format is one that only a newer version knows."""
    if found > FORMAT:
        raise RefusedError(
            f"The folder {folder.root} was written by a newer version of the export (format {found}, this one knows "
            f"{FORMAT}): upgrade this one, or set COUPONTOOLS_DATA_DIR to another folder."
        )


def _format_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The format of the opened database; None if it is no stage."""
    columns = "duckdb_columns() WHERE database_name = 'opened' AND schema_name = '_state'"
    known = set(connection.execute(f"SELECT table_name, column_name FROM {columns}").fetchall())
    if ("format", "version") in known:
        return int(connection.execute("SELECT version FROM _state.format").fetchall()[0][0])
    if ("changed", "month") in known:
        return 1
    return 2 if ("changed", "partition") in known else None
