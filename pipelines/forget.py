"""`coupontools forget`: one person is erased from all that the export keeps, and kept out from then on."""

from collections.abc import Sequence

import click
import polars as pl

from assets.catalogue import TABLES
from assets.tables.quarantine import Quarantine
from pipelines.run import publish_again
from resources.settings import PersonalData, SettingsError
from resources.warehouse.errors import WarehouseError
from resources.warehouse.forget import Person
from resources.warehouse.forgotten import keyed_hash
from resources.warehouse.identity import identities
from resources.warehouse.resource import WarehouseResource


def forget(emails: Sequence[str], phones: Sequence[str]) -> None:
    """Erase whoever has one of these, publish, and tell of how many rows. Raises click.ClickException."""
    given = {"email": emails, "phone": phones}
    normal = {kind: list(identities(pl.Series(texts, dtype=pl.String))) for kind, texts in given.items()}
    if None in (*normal["email"], *normal["phone"]):
        raise click.UsageError("An e-mail address or phone number is empty.")
    warehouse, policy = WarehouseResource(), PersonalData.read()
    personal = {
        table.schema_of_table(): [column.name for column in table.columns() if column.personal]
        for table in TABLES
        if table is not Quarantine
    }
    try:
        warehouse.folder.make()
        key = policy.key(warehouse.forgotten().key)
        hashes = [keyed_hash(key, each) for identifiers in normal.values() for each in identifiers]
        person = Person(normal["email"], normal["phone"], hashes)
        erased = warehouse.forget(person, personal, Quarantine.schema_of_table())
        publish_again()
        warehouse.sweep()
    except (SettingsError, WarehouseError) as error:
        raise click.ClickException(str(error)) from None
    told = ", ".join(f"{rows:,} in {table}" for table, rows in erased.items()) or "none"
    click.echo(f"Rows from which the person was erased: {told}. Later exports keep the person out.")
