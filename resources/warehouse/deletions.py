"""What is no longer in the account: rows that a read of everything did not bring.

A row counts as deleted if nothing has observed it since such a read began. It stays in its table, with the time of
that read in `_deleted_at`, and is live again as soon as it is observed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from resources.warehouse.partitions import note_changes
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import count, files, is_empty, quoted_name, quoted_text


@dataclass(frozen=True)
class WholeRead:
    """A read, begun at `at` (naive UTC), that can have missed no row whose `where` columns have these values."""

    at: datetime
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WholeList:
    """A list of parents, asked for at `at` (naive UTC): no row can be there whose `column` has none of the `values`."""

    at: datetime
    column: str
    values: Collection[str]


Whole = Sequence[WholeRead | WholeList]


def mark_deleted(connection: duckdb.DuckDBPyConnection, table: TableSchema, whole: Whole, seen: Sequence[Path]) -> int:
    """Mark the rows of a table that were not brought by what was read whole, and return how many they are.

    `seen` are Parquet files with keys that are in the account although no row came of them.
    """
    name, keys = quoted_name(table.name), ", ".join(map(quoted_name, table.key))
    if not whole or is_empty(connection, name):
        return 0
    columns = _make_whole_reads(connection, table, whole)
    same_part = " AND ".join(f"{name}.{column} = whole_reads.{column}" for column in columns) or "true"
    unless_seen = f"ANTI JOIN {files(seen)} USING ({keys})" if seen else ""
    deleted = count(
        connection,
        f"CREATE TEMP TABLE gone AS SELECT {name}.*, whole_reads._at AS _gone_at FROM {name} {unless_seen} "
        f"JOIN whole_reads ON {same_part} WHERE {name}._deleted_at IS NULL AND {name}._extracted_at < whole_reads._at",
    )
    if deleted:
        note_changes(connection, table, "gone")
        same_key = " AND ".join(f"{name}.{key} = gone.{key}" for key in map(quoted_name, table.key))
        connection.execute(f"UPDATE {name} SET _deleted_at = gone._gone_at FROM gone WHERE {same_key}")
    connection.execute("DROP TABLE gone")
    return deleted


def forget_rejected(connection: duckdb.DuckDBPyConnection, table: TableSchema, whole: Whole) -> int:
    """Take out of quarantine what was rejected before the whole reads, which would have met it again."""
    if not whole:
        return 0
    columns = _make_whole_reads(connection, table, whole)
    same_part = "".join(f" AND quarantine.parent_id = whole_reads.{column}" for column in columns)
    return count(
        connection,
        f"DELETE FROM quarantine USING whole_reads WHERE quarantine.table_name = {quoted_text(table.name)} "
        f"AND quarantine._extracted_at < whole_reads._at{same_part}",
    )


def _make_whole_reads(connection: duckdb.DuckDBPyConnection, table: TableSchema, whole: Whole) -> list[str]:
    """Make the table `whole_reads` of column values and the time `_at`; returns those columns in SQL."""
    reads = [each for each in whole if isinstance(each, WholeRead)]
    names = list(reads[0].where) if reads else [each.column for each in whole if isinstance(each, WholeList)]
    columns = list(map(quoted_name, names))
    declared = "".join(f"{column} VARCHAR, " for column in columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE whole_reads ({declared}_at TIMESTAMP)")
    values = [*([read.where[each] for read in reads] for each in names), [read.at for read in reads]]
    unnested = ", ".join(["unnest(?)"] * len(values))
    connection.execute(f"INSERT INTO whole_reads SELECT {unnested}", values)
    for each in whole:
        if isinstance(each, WholeList):
            column = quoted_name(each.column)
            connection.execute(
                f"INSERT INTO whole_reads SELECT DISTINCT {column}, ?::TIMESTAMP FROM {quoted_name(table.name)} "
                f"WHERE NOT list_contains(?::VARCHAR[], {column})",
                [each.at, list(each.values)],
            )
    return columns
