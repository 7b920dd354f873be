"""Completes brief observations: those without the date by which their table is divided, as a list of events gives them.

A brief observation gets what it lacks from another observation of its row. If several lists were read, each of which
may have other fields, that one may be brief too; if only one was, whose newest record says all, it must have the date.
"""

import duckdb
import polars as pl

from resources.warehouse.extra_fields import EXTRA, complete_extra
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import divide, execute_counting, execute_with, is_empty, quoted_name, quoted_names

MAX_ROWS_COMPLETED_AT_ONCE = 30_000
"""Rows of which all observations, with all columns, are in memory at one time."""

_OF_THE_OBSERVATION = ("_extracted_at", "_deleted_at")


def find_incomplete(connection: duckdb.DuckDBPyConnection, table: TableSchema, source: str) -> None:
    """Make the table `incomplete` of the `repeated` keys with a brief observation that may lack what another one has.

    Most observations of a row have values in the same columns, and lack nothing.
    """
    keys, date = quoted_names(table.key), quoted_name(_date(table))
    connection.execute(
        f"""
        CREATE TEMP TABLE incomplete AS
        SELECT {keys}
        FROM (
            SELECT {keys}, {date} IS NULL AS _is_brief, {_filled_columns(table)}
            FROM {source} SEMI JOIN repeated USING ({keys})
        )
        GROUP BY {keys}
        HAVING bool_or(_is_brief) AND (min(_filled) <> max(_filled) OR min(_extra_hash) <> max(_extra_hash))
        {"LIMIT 0" if is_empty(connection, f"{source} WHERE {date} IS NULL") else ""}
        """
    )


def complete_newest(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, source: str, newest_first: str, *, is_one_list: bool
) -> None:
    """Add the newest observation in `source` of each key in `incomplete` to the table `newest`; complete it if brief.

    The others complete it in turn until it has its date: first those with a date, and of these the newest first.
    `source` has the observations with their `_file` and `file_row_number`.
    """
    keys, date = quoted_names(table.key), quoted_name(_date(table))
    count = execute_counting(connection, "SELECT count(*) FROM incomplete")
    order = f"NOT _is_newest, {date} IS NULL, {newest_first}"
    for some in divide("incomplete", table.key, count, MAX_ROWS_COMPLETED_AT_ONCE):
        query = f"""
            WITH ranked AS (
                SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY {newest_first}) = 1 AS _is_newest
                FROM (SELECT {keys}, {date}, _extracted_at, _file, file_row_number FROM {source})
                SEMI JOIN {some} USING ({keys})
            ), placed AS (
                SELECT _file, file_row_number, row_number() OVER (PARTITION BY {keys} ORDER BY {order}) AS _place
                FROM ranked WHERE _is_newest OR {date} IS NOT NULL OR NOT {is_one_list}
            )
            SELECT * EXCLUDE (_file, file_row_number) FROM {source} JOIN placed USING (_file, file_row_number)
        """
        observations = pl.DataFrame(connection.sql(query))
        execute_with(connection, "INSERT INTO newest BY NAME FROM given", _complete_first(table, observations))
    connection.execute("DROP TABLE incomplete")


def complete_brief(
    connection: duckdb.DuckDBPyConnection,
    table: TableSchema,
    observations: str,
    is_older: str,
    *,
    is_one_list: bool,
) -> None:
    """Complete each brief observation, stored or incoming, from the other one of its row.

    `observations` is the query of the view `incoming`, which then holds what is completed; `is_older` the condition
    that the stored observation is the older one.
    """
    name, keys = quoted_name(table.name), quoted_names(table.key)
    if table.date is None or is_empty(connection, name):
        return
    date = quoted_name(table.date)
    if all(is_empty(connection, f"{some} WHERE {date} IS NULL") for some in (name, "incoming")):
        return
    conditions = {
        ("incoming", name): f"incoming.{date} IS NULL AND {is_older}",
        (name, "incoming"): f"{name}.{date} IS NULL AND NOT {is_older} AND {name}._deleted_at IS NULL",
    }
    if is_one_list:
        conditions = {pair: f"{where} AND {pair[1]}.{date} IS NOT NULL" for pair, where in conditions.items()}
    needed = f"{keys}, {date}, {', '.join(_OF_THE_OBSERVATION)}, {_filled_columns(table)}"
    count = execute_counting(
        connection,
        f"""
        CREATE TEMP TABLE incomplete AS
        SELECT {keys}
        FROM (SELECT {needed} FROM {name} SEMI JOIN incoming USING ({keys})) AS {name}
        JOIN (SELECT {needed} FROM incoming) AS incoming USING ({keys})
        WHERE {" OR ".join(f"({where} AND {_lacks(table, *pair)})" for pair, where in conditions.items())}
        """,
    )
    connection.execute(
        f"CREATE TEMP TABLE completed AS SELECT {quoted_names(table.column_names)} FROM incoming LIMIT 0"
    )
    for some in divide("incomplete", table.key, count, MAX_ROWS_COMPLETED_AT_ONCE):
        both = " JOIN ".join(f"(FROM {one} SEMI JOIN {some} USING ({keys})) AS {one}" for one in (name, "incoming"))
        for (brief, other), where in conditions.items():
            columns = [f"{brief}.{quoted_name(column)}" for column in table.column_names]
            columns += [f"{other}.{quoted_name(column)} AS {quoted_name(_other(column))}" for column in _merged(table)]
            query = f"SELECT {', '.join(columns)} FROM {both} USING ({keys}) WHERE {where}"
            pairs = pl.DataFrame(connection.sql(query))
            execute_with(connection, "INSERT INTO completed BY NAME FROM given", _complete(table, pairs))
    connection.execute("DROP TABLE incomplete")
    if count:
        once = f"FROM ({observations}) ANTI JOIN completed USING ({keys}) UNION ALL BY NAME FROM completed"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW incoming AS {once}")


def _date(table: TableSchema) -> str:
    """Name the column that a brief observation lacks; without such a date, one that none lacks."""
    return table.date or "_extracted_at"


def _merged(table: TableSchema) -> list[str]:
    """List the columns in which one observation may have what another one lacks."""
    return [name for name in table.column_names if name not in (*table.key, *_OF_THE_OBSERVATION)]


def _filled_columns(table: TableSchema) -> str:
    """Write two columns, in SQL: which columns have a value, as bits, and the hash of the whole of `_extra`."""
    filled = (f"(({quoted_name(name)} IS NOT NULL)::HUGEINT << {bit})" for bit, name in enumerate(_merged(table)))
    return f"{' | '.join(filled)} AS _filled, {f'hash({EXTRA})' if EXTRA in table.column_names else 0} AS _extra_hash"


def _lacks(table: TableSchema, brief: str, other: str) -> str:
    """Write the condition, in SQL, that completing a brief observation from another one may change it."""
    erased = sum(1 << bit for bit, name in enumerate(_merged(table)) if name in table.erased_columns)
    return (
        f"(({other}._filled & ~{brief}._filled) <> 0 OR {other}._extra_hash <> {brief}._extra_hash"
        f" OR ({other}._filled & {erased}) = 0 AND ({brief}._filled & {erased}) <> 0)"
    )


def _complete_first(table: TableSchema, observations: pl.DataFrame) -> pl.DataFrame:
    """Return the observations of `_place` 1, completed from those of the next places in turn while they are brief."""
    completed = observations.filter(pl.col("_place") == 1).select(table.column_names)
    for place in observations["_place"].unique().sort()[1:]:
        brief = completed.filter(pl.col(_date(table)).is_null())
        other = observations.filter(pl.col("_place") == place)
        others = other.select(*table.key, pl.col(_merged(table)).name.map(_other))
        pairs = brief.join(others, on=table.key)
        completed = pl.concat([completed.join(pairs, on=table.key, how="anti"), _complete(table, pairs)])
    return completed


def _complete(table: TableSchema, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return brief observations with what they lack from those in the columns `<column>_other`.

    Where the other one has no personal data, it may be of somebody who was erased, and the brief one need not say of
    whom it is: it brings no personal data.
    """
    names = _merged(table)
    filled = {name: pl.coalesce(name, _other(name)) for name in names}
    if table.erased_columns:
        has_some = pl.any_horizontal(pl.col(_other(name)).is_not_null() for name in table.erased_columns)
        for name in table.erased_columns:
            filled[name] = pl.when(has_some).then(filled[name]).otherwise(_other(name))
    completed = pairs.with_columns(**filled)
    if EXTRA in names:
        extra = complete_extra(table, pairs[EXTRA], pairs[_other(EXTRA)])
        completed = completed.with_columns(pl.coalesce(extra, EXTRA).alias(EXTRA))
    return completed.select(table.column_names)


def _other(column: str) -> str:
    """Name the column of the other observation of a pair."""
    return f"{column}_other"
