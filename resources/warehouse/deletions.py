"""What is no longer in the account: rows that a read of everything did not bring.

A row counts as deleted if nothing has observed it since such a read began. It stays in its table, with the time of
that read in `_deleted_at`, and is live again as soon as it is observed. What was observed or deleted after `now`, the
moment of the merge in SQL, was so by a clock that went wrong: it gives way to such a read, unless the batch brings it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from resources.warehouse.parquet_partitions import note_changes
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import execute_counting, files, is_empty, quoted_name, quoted_text


@dataclass(frozen=True)
class CompleteRead:
    """A read, begun at `at` (naive UTC), that can have missed no row whose `where` columns have these values."""

    at: datetime
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CompleteParentList:
    """A list of parents, asked for at `at` (naive UTC): no row can be there whose `column` has none of the `values`."""

    at: datetime
    column: str
    values: Collection[str]


Whole = Sequence[CompleteRead | CompleteParentList]


def mark_deleted(
    connection: duckdb.DuckDBPyConnection,
    table: TableSchema,
    whole: Whole,
    rows: Sequence[Path],
    seen: Sequence[Path],
    now: str,
) -> int:
    """Mark the rows of a table that were not brought by what was read whole, and return how many they are.

    `rows` are the Parquet files that were merged, `seen` those of keys that are in the account although no row came.
    """
    name, keys = quoted_name(table.name), ", ".join(map(quoted_name, table.key))
    if not whole or is_empty(connection, name):
        return 0
    columns = _make_whole_reads(connection, table, whole, now)
    same_part = " AND ".join(f"{name}.{column} = whole_reads.{column}" for column in columns) or "true"
    there = [f"SELECT {keys} FROM {files(seen)}"] if seen else []
    there += [f"SELECT {keys} FROM {files(rows)} WHERE _extracted_at > {now}"] if rows else []
    unless_there = f"ANTI JOIN ({' UNION ALL '.join(there)}) USING ({keys})" if there else ""
    marked = execute_counting(
        connection,
        f"CREATE TEMP TABLE gone AS SELECT {name}.*, whole_reads._at AS _gone_at FROM {name} {unless_there} "
        f"JOIN whole_reads ON {same_part} WHERE ({name}._deleted_at IS NULL OR {name}._deleted_at > {now}) "
        f"AND ({name}._extracted_at < whole_reads._at OR {name}._extracted_at > {now})",
    )
    deleted = execute_counting(connection, "SELECT count(*) FROM gone WHERE _deleted_at IS NULL")
    if marked:
        note_changes(connection, table, "gone")
        same_key = " AND ".join(f"{name}.{key} = gone.{key}" for key in map(quoted_name, table.key))
        connection.execute(
            f"UPDATE {name} SET _deleted_at = _gone_at, _extracted_at = least({name}._extracted_at, _gone_at) "
            f"FROM gone WHERE {same_key}"
        )
    connection.execute("DROP TABLE gone")
    return deleted


def forget_rejected(connection: duckdb.DuckDBPyConnection, table: TableSchema, whole: Whole, now: str) -> int:
    """Take out of quarantine what was rejected before the whole reads, which would have met it again."""
    if not whole:
        return 0
    columns = _make_whole_reads(connection, table, whole, now)
    same_part = "".join(f" AND quarantine.parent_id = whole_reads.{column}" for column in columns)
    return execute_counting(
        connection,
        f"DELETE FROM quarantine USING whole_reads WHERE quarantine.table_name = {quoted_text(table.name)} "
        f"AND (quarantine._extracted_at < whole_reads._at OR quarantine._extracted_at > {now}){same_part}",
    )


def _make_whole_reads(connection: duckdb.DuckDBPyConnection, table: TableSchema, whole: Whole, now: str) -> list[str]:
    """Make the table `whole_reads` of column values and the time `_at`; returns those columns in SQL.

    A read that began after `now` is not in it: nobody knows what came after it.
    """
    reads = [each for each in whole if isinstance(each, CompleteRead)]
    names = list(reads[0].where) if reads else [each.column for each in whole if isinstance(each, CompleteParentList)]
    columns = list(map(quoted_name, names))
    declared = "".join(f"{column} VARCHAR, " for column in columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE whole_reads ({declared}_at TIMESTAMP)")
    values = [*([read.where[each] for read in reads] for each in names), [read.at for read in reads]]
    unnested = ", ".join(["unnest(?)"] * len(values))
    connection.execute(f"INSERT INTO whole_reads SELECT {unnested}", values)
    for each in whole:
        if isinstance(each, CompleteParentList):
            column = quoted_name(each.column)
            connection.execute(
                f"INSERT INTO whole_reads SELECT DISTINCT {column}, ?::TIMESTAMP FROM {quoted_name(table.name)} "
                f"WHERE NOT list_contains(?::VARCHAR[], {column})",
                [each.at, list(each.values)],
            )
    connection.execute(f"DELETE FROM whole_reads WHERE _at > {now}")
    return columns
