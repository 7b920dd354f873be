"""Erases a person from everything that is kept: the stage, and what waits to be merged."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb
from filelock import FileLock, Timeout

from resources.warehouse.files import Folder, remove
from resources.warehouse.forgotten import add_forgotten
from resources.warehouse.partitions import NO_PARTITION, note_changes
from resources.warehouse.schema import TableSchema
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
    if not (found := _conditions(names, person)):
        return 0
    connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT * FROM {name} WHERE {found}")
    note_changes(connection, table, "found")
    if any(column in table.key for column in names):
        return count(connection, f"DELETE FROM {name} WHERE {found}")
    erased = ", ".join(f"{quoted_name(column)} = NULL" for column in (*names, "_extra"))
    return count(connection, f"UPDATE {name} SET {erased} WHERE {found}")


def _conditions(names: Sequence[str], person: Person) -> str:
    """What is true of the person's rows, in SQL; empty if a table has neither an e-mail address nor a phone number."""
    conditions = []
    for column, expression, values in (
        ("email", "lower(trim(email))", person.emails),
        ("phone", r"ltrim(regexp_replace(phone, '\D', '', 'g'), '0')", person.phones),
    ):
        if column in names:
            conditions += [f"{expression} = {quoted_text(value)}" for value in values]
            conditions += [f"{column} = {quoted_text(value)}" for value in person.hashes]
    return " OR ".join(conditions)


def _erase_rejected(
    connection: duckdb.DuckDBPyConnection, folder: Folder, quarantine: TableSchema, person: Person
) -> int:
    """Delete the rejected records that hold an e-mail address or a phone number of the person."""
    ensure_table(connection, folder, quarantine)
    text = r"lower(replace(replace(record, '\u0040', '@'), '\u002b', '+'))"
    conditions = [f"contains({text}, {quoted_text(value)})" for value in (*person.emails, *person.hashes)]
    conditions += [
        f"contains(regexp_replace(record, '[^0-9a-zA-Z\",]', '', 'g'), {quoted_text(value)})"
        for value in person.phones
        if len(value) >= SHORTEST_IN_A_RECORD
    ]
    deleted = count(connection, f"DELETE FROM quarantine WHERE {' OR '.join(conditions) or 'false'}")
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
