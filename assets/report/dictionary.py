"""Writes the data dictionary: every table, view and column with its description, as Markdown."""

import duckdb

from assets.catalogue import TABLES, marts
from resources.warehouse.columns import open_empty_database

HEADER = """# Data dictionary

Every time is naive UTC, but for those whose name ends in `_local`. `_deleted_at` is null while a row is in the account;
the views of the schema `marts` show such rows alone. After an API field stands how well it is known: documented (an
official page names it), seen in client code (code that others wrote for the API), hinted, or assumed.
"""


def dictionary(connection: duckdb.DuckDBPyConnection) -> str:
    """Describe the current database of a connection."""
    relations = connection.execute(
        "SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE database_name = current_database() "
        "UNION ALL SELECT schema_name, view_name, comment FROM duckdb_views() "
        "WHERE database_name = current_database() AND NOT internal ORDER BY 1, 2"
    ).fetchall()
    columns = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type, coalesce(comment, '') FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal ORDER BY column_index"
    ).fetchall()
    parts = [HEADER]
    for schema, name, comment in relations:
        title = name if schema == "main" else f"{schema}.{name}"
        parts.append(f"## {title}\n\n{comment or ''}\n\n| column | type | meaning |\n|---|---|---|")
        parts += [
            f"| `{column}` | {kind} | {_in_a_cell(meaning)} |"
            for in_schema, in_table, column, kind, meaning in columns
            if (in_schema, in_table) == (schema, name)
        ]
        parts.append("")
    return "\n".join(parts)


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")


def dictionary_of_models() -> str:
    """Describe the database that a publish would make, from the models alone."""
    with open_empty_database([table.schema_of_table() for table in TABLES]) as connection:
        connection.execute("CREATE SCHEMA marts")
        for script in marts():
            connection.execute(script)
        return dictionary(connection)
