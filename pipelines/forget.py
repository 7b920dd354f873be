"""`coupontools forget`: erases people from all that the export keeps, and keeps them out of later exports."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing

import click
import polars as pl

from assets.catalogue import TABLES
from assets.tables.webhook_events import WebhookEvent
from assets.webhooks.intake import erase_waiting
from resources.coupontools.account import CoupontoolsAccount
from resources.settings import SettingsError
from resources.warehouse.erasure import People
from resources.warehouse.erasure import forget as erase
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.identity import MAX_DIGITS, MIN_DIGITS, find_identifiers
from resources.warehouse.suppression import keyed_hash
from resources.warehouse.warehouse import Warehouse


def forget(emails: Sequence[str], phones: Sequence[str], lines: Iterable[str] = ()) -> None:
    """Erase the people with these addresses and numbers, and print from how many rows; a line has one of them.

    Raises click.ClickException; click.UsageError, with nobody erased, if one is neither.
    """
    named = {
        *(_identifier(email, "What --email names", is_address=True) for email in emails),
        *(_identifier(phone, "What --phone names", is_address=False) for phone in phones),
        *(
            _identifier(line, f"Line {number}", is_address="@" in line)
            for number, line in enumerate(lines, 1)
            if line.strip()
        ),
    }
    if not named:
        raise click.UsageError("Say who is to be forgotten, by --email, --phone or --stdin.")
    try:
        with closing(Warehouse()) as warehouse:
            people, tables = _people(warehouse, named), [table.schema_of_table() for table in TABLES]
            erased = erase(warehouse.engine, warehouse.store, people, tables)
            erased = _add(erased, WebhookEvent.TABLE, erase_waiting(warehouse))
    except RefusedError as error:
        raise click.ClickException(f"Nobody was erased. {error}") from None
    except (SettingsError, WarehouseError) as error:
        raise click.ClickException(str(error)) from None
    rows_by_table = ", ".join(f"{rows:,} in {table}" for table, rows in erased.items()) or "none"
    click.echo(f"Rows from which somebody was erased: {rows_by_table}. Later exports keep them out.")


def _add(erased: Mapping[str, int], table: str, rows: int) -> dict[str, int]:
    return {**erased, table: erased.get(table, 0) + rows} if rows else dict(erased)


def _identifier(text: str, where: str, *, is_address: bool) -> str:
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # what is no text is no address either
    named = find_identifiers(pl.Series([text])).filter("is_whole")["identifier"].to_list()
    if named and ("@" in named[0] if is_address else named[0].isdecimal() and len(named[0]) <= MAX_DIGITS):
        return str(named[0])
    form = "e-mail address: write it as name@example.com"
    if not is_address:
        form = f"phone number: write it with its country, as +32470112233, in {MIN_DIGITS} to {MAX_DIGITS} digits"
    raise click.UsageError(f"{where} is no {form}. Nobody was erased.")


def _people(warehouse: Warehouse, named: set[str]) -> People:
    policy = warehouse.personal_data
    try:
        account = CoupontoolsAccount().fingerprint()
    except SettingsError:  # nothing is read from the API, so that the account need not be known
        note = warehouse.engine.read_origin()
        account = note.account if note else ""
    hashes = set[str]()
    if policy.personal_data != "keep":
        key = policy.secret or warehouse.engine.read_suppression(policy.secret).key
        hashes = {keyed_hash(key, identifier) for identifier in named}
    return People(named, hashes, warehouse.origin_of(account), policy.secret)
