"""Finds the rows of a relation that name suppressed people, and erases these people from it."""

import duckdb
import polars as pl

from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import quoted_name, quoted_text
from resources.warehouse.suppression import SuppressionList, find_suppressed
from resources.warehouse.text_parts import read_texts


def erase_people(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, relation: str, suppressed: SuppressionList
) -> int:
    """Erase suppressed people from a relation with the rows of a table; returns how many of these named them."""
    count = find_rows(connection, table, relation, "rowid", suppressed)
    if count:
        erase_rows(connection, table, relation, "rowid")
    return count


def find_rows(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, relation: str, row: str, suppressed: SuppressionList
) -> int:
    """Make the table `naming_rows` of the rows of a relation that name suppressed people; returns how many.

    It has the number of the `row`, whether it `is_theirs`, and the `columns` that name somebody.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE naming_rows (row BIGINT, is_theirs BOOLEAN, columns VARCHAR[])")
    known = _columns(connection, relation)
    names = [name for name in table.naming_columns if name in known]
    if not names:
        return 0
    total = 0
    for frame in read_texts(connection, relation, row, names):
        named = find_suppressed(frame, table, suppressed)
        if named is not None:
            total += _note(connection, frame["row"], named)
    return total


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> set[str]:
    return {row[0] for row in connection.execute(f"DESCRIBE FROM {relation}").fetchall()}


def _note(connection: duckdb.DuckDBPyConnection, rows: pl.Series, named: pl.DataFrame) -> int:
    columns = [name for name in named.columns if name != "is_theirs"]
    naming_rows = named.select(
        rows.alias("row"),
        "is_theirs",
        pl.concat_list(pl.when(name).then(pl.lit(name)) for name in columns).list.drop_nulls().alias("columns"),
    ).filter(pl.col("is_theirs") | (pl.col("columns").list.len() > 0))
    connection.execute(
        "INSERT INTO naming_rows SELECT unnest(?::BIGINT[]), unnest(?::BOOLEAN[]), unnest(?::VARCHAR[][])",
        [naming_rows[name].to_list() for name in naming_rows.columns],
    )
    return len(naming_rows)


def erase_rows(connection: duckdb.DuckDBPyConnection, table: TableSchema, relation: str, row: str) -> None:
    """Erase from a relation the people of `naming_rows`: their own rows lose all personal data, others the text.

    Rows of tables about people are deleted if they are theirs.
    """
    same_row = f"{relation}.{row} = naming_rows.row"
    if table.is_about_people:
        connection.execute(f"DELETE FROM {relation} USING naming_rows WHERE {same_row} AND naming_rows.is_theirs")
    known = _columns(connection, relation)
    erased = [name for name in table.erased_columns if name in known and name not in table.key]
    erased += [name for name in table.free_texts if name in known]
    values = ", ".join(
        f"{quoted_name(name)} = CASE WHEN {'' if name in table.free_texts else 'naming_rows.is_theirs OR '}"
        f"list_contains(naming_rows.columns, {quoted_text(name)}) THEN NULL ELSE {relation}.{quoted_name(name)} END"
        for name in erased
    )
    connection.execute(f"UPDATE {relation} SET {values} FROM naming_rows WHERE {same_row}")
