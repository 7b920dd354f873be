"""Reads the tables and views of the published database, with their columns and comments."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import duckdb

from assets.catalogue import TABLES, read_marts
from resources.warehouse.columns import create_marts, open_empty_database

TABLE_IN_SQL = re.compile(r"\bmain\.(\w+)")
"""A table that a view reads; views name every table with its schema, and no other view."""


@dataclass(frozen=True)
class RelationColumn:
    """A column of a table or view."""

    name: str
    sql_type: str
    comment: str

    @property
    def is_personal(self) -> bool:
        """Whether its comment says that it holds personal data."""
        return self.comment.endswith("personal data]")


@dataclass(frozen=True)
class Relation:
    """A table of the schema `main`, or a view of the schema `marts`."""

    schema: str
    name: str
    comment: str
    columns: tuple[RelationColumn, ...]
    reads: tuple[str, ...] = ()
    """The tables that a view reads, by name."""

    @property
    def title(self) -> str:
        """The name to use in a query."""
        return self.name if self.schema == "main" else f"{self.schema}.{self.name}"


def read_relations(connection: duckdb.DuckDBPyConnection) -> list[Relation]:
    """Read the tables and views of the current database of a connection, by schema and name."""
    relations = connection.execute(
        """
        SELECT schema_name, table_name, coalesce(comment, ''), '' FROM duckdb_tables()
        WHERE database_name = current_database()
        UNION ALL
        SELECT schema_name, view_name, coalesce(comment, ''), sql FROM duckdb_views()
        WHERE database_name = current_database() AND NOT internal
        ORDER BY 1, 2
        """
    ).fetchall()
    columns: defaultdict[tuple[str, str], list[RelationColumn]] = defaultdict(list)
    for schema, name, *column in connection.execute(
        """
        SELECT schema_name, table_name, column_name, data_type, coalesce(comment, '') FROM duckdb_columns()
        WHERE database_name = current_database() AND NOT internal
        ORDER BY column_index
        """
    ).fetchall():
        columns[schema, name].append(RelationColumn(*column))
    return [
        Relation(schema, name, comment, tuple(columns[schema, name]), tuple(sorted({*TABLE_IN_SQL.findall(sql)})))
        for schema, name, comment, sql in relations
    ]


@cache
def relations_of_models() -> Sequence[Relation]:
    """Return what a publish would make, from the models and the views' SQL alone."""
    with open_empty_database([table.schema_of_table() for table in TABLES]) as connection:
        create_marts(connection, read_marts())
        return tuple(read_relations(connection))
