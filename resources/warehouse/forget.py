"""Erases a person from everything that is kept: the stage, and what waits to be merged."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb
from filelock import FileLock, Timeout

from resources.warehouse.files import Folder, remove
from resources.warehouse.forgotten import add_forgotten
from resources.warehouse.identity import identity_in_sql
from resources.warehouse.partitions import NO_PARTITION, note_changes
from resources.warehouse.schema import ColumnSchema, TableSchema
from resources.warehouse.sql import count, quoted_name, quoted_text
from resources.warehouse.stage import compact, ensure_table, sole_writer, stage

SHORTEST_IN_A_RECORD = 6
"""Fewer digits of a phone number are not searched for in rejected records, where they may be anything."""


@dataclass(frozen=True)
class Person:
    """Who is to be forgotten: normal e-mail addresses and phone numbers, and what these become where all is hashed."""

    emails: Collection[str]
    phones: Collection[str]
    hashes: Collection[str]


def forget(
    folder: Folder, person: Person, tables: Mapping[TableSchema, Sequence[str]], quarantine: TableSchema
) -> dict[str, int]:
    """Erase a person, and keep it out of what is read later; returns the rows by table.

    `tables` names the columns with personal data of each table, which become null, as does `_extra`: what happened
    stays, without the person. A row whose key is personal is deleted. The stage is written anew, so that nothing
    stays in its free room. Raises WarehouseError.
    """
    with sole_writer(folder):
        add_forgotten(folder, {*person.emails, *person.phones})
        _drop_batches(folder)
        with stage(folder) as connection:
            connection.begin()
            erased = {table.name: _erase(connection, folder, table, names, person) for table, names in tables.items()}
            erased[quarantine.name] = _erase_rejected(connection, folder, quarantine, person)
            connection.commit()
        compact(folder, at_once=True)
    return {table: rows for table, rows in erased.items() if rows}


def _erase(
    connection: duckdb.DuckDBPyConnection, folder: Folder, table: TableSchema, names: Sequence[str], person: Person
) -> int:
    ensure_table(connection, folder, table)
    name = quoted_name(table.name)
    mentioned = f"_extra IS NOT NULL AND ({_mentions('_extra', person)})"
    _note(connection, table, mentioned)
    connection.execute(f"UPDATE {name} SET _extra = NULL WHERE {mentioned}")
    found = _is_of(person, [column for column in table.columns if column.name in names])
    _note(connection, table, found)
    if any(column in table.key for column in names):
        return count(connection, f"DELETE FROM {name} WHERE {found}")
    erased = ", ".join(f"{quoted_name(column)} = NULL" for column in (*names, "_extra"))
    return count(connection, f"UPDATE {name} SET {erased} WHERE {found}")


def _note(connection: duckdb.DuckDBPyConnection, table: TableSchema, condition: str) -> None:
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE found AS SELECT * FROM {quoted_name(table.name)} WHERE {condition}"
    )
    note_changes(connection, table, "found")


def _is_of(person: Person, columns: Sequence[ColumnSchema]) -> str:
    """What is true of the person's rows, in SQL: the identifiers may stand in any text with personal data."""
    conditions = ["false"]
    for column in columns:
        if column.sql_type != "VARCHAR":
            continue
        name = quoted_name(column.name)
        known = ", ".join(map(quoted_text, (*person.emails, *person.phones, *person.hashes)))
        conditions.append(f"{identity_in_sql(name)} IN ({known})")
    return " OR ".join(conditions)


def _mentions(json: str, person: Person) -> str:
    """What is true of a column of JSON, in SQL, where it holds an identifier of the person."""
    text = rf"lower(replace(replace({json}, '\u0040', '@'), '\u002b', '+'))"
    conditions = [f"contains({text}, {quoted_text(value)})" for value in (*person.emails, *person.hashes)]
    conditions += [
        rf"contains(regexp_replace({json}, '\(0\)|[^0-9a-zA-Z\x22,]', '', 'g'), {quoted_text(phone)})"
        for phone in person.phones
        if len(phone) >= SHORTEST_IN_A_RECORD
    ]
    return " OR ".join(conditions or ["false"])


def _erase_rejected(
    connection: duckdb.DuckDBPyConnection, folder: Folder, quarantine: TableSchema, person: Person
) -> int:
    """Delete the rejected records that hold an e-mail address or a phone number of the person."""
    ensure_table(connection, folder, quarantine)
    deleted = count(connection, f"DELETE FROM quarantine WHERE {_mentions('record', person)}")
    if deleted:
        connection.execute(f"INSERT INTO _state.changed VALUES ('quarantine', '{NO_PARTITION}')")
    return deleted


def _drop_batches(folder: Folder) -> None:
    """Delete what dead runs have read; what living ones have is not merged once they see who is forgotten."""
    for path in folder.batches.iterdir():
        lock = FileLock(path / "owner.lock", mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        remove(path)
        lock.release()
