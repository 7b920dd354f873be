"""The format of the stage: which versions there were, and the way from each of them to today's."""

import duckdb

from resources.warehouse.errors import RefusedError
from resources.warehouse.files import Folder

FORMAT = 3

_STEPS = {
    # of versions that had tables divided by month alone
    1: "ALTER TABLE _state.changed RENAME COLUMN month TO partition",
    # of versions that told the sandbox from a real account, and no two of these apart
    2: "CREATE OR REPLACE TABLE _state.origin AS SELECT split_part(origin, ' ', 1) AS account, "
    "substr(origin, length(account) + 1) AS personal_data FROM _state.origin; "
    "CREATE TABLE _state.format (version INTEGER); INSERT INTO _state.format VALUES (3)",
}
"""What brings a stage of a format to the next one."""


def begin_state(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the private tables of a new stage."""
    connection.execute("CREATE SCHEMA _state")
    connection.execute("CREATE TABLE _state.changed (table_name VARCHAR, partition VARCHAR)")
    connection.execute("CREATE TABLE _state.origin (account VARCHAR, personal_data VARCHAR)")
    connection.execute("CREATE TABLE _state.format (version INTEGER)")
    connection.execute("INSERT INTO _state.format VALUES (?)", [FORMAT])


def bring_up_to_date(connection: duckdb.DuckDBPyConnection, folder: Folder) -> None:
    """Give an older stage the format of today. Raises RefusedError if a newer version has written it."""
    found = _format_of(connection)
    if found > FORMAT:
        raise RefusedError(
            f"The folder {folder.root} was written by a newer version of the export (format {found}, this one knows "
            f"{FORMAT}): upgrade this one, or set COUPONTOOLS_DATA_DIR to another folder."
        )
    if found == FORMAT:
        return
    connection.begin()
    for number in range(found, FORMAT):
        connection.execute(_STEPS[number])
    connection.commit()


def _format_of(connection: duckdb.DuckDBPyConnection) -> int:
    query = (
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'opened' AND schema_name = '_state'"
    )
    known = set(connection.execute(query).fetchall())
    if ("format", "version") in known:
        return int(connection.execute("SELECT version FROM _state.format").fetchall()[0][0])
    return 1 if ("changed", "month") in known else 2
