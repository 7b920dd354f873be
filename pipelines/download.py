"""`coupontools download`: writes what a shared warehouse has published to a database file."""

from contextlib import closing
from pathlib import Path

import click

from assets.catalogue import TABLES, read_marts
from resources.settings import SharedWarehouse, Storage
from resources.warehouse.download import download as write
from resources.warehouse.errors import WarehouseError
from resources.warehouse.warehouse import Warehouse


def download(file: Path | None) -> None:
    """Write the file, into COUPONTOOLS_DATA_DIR if none is named. Raises click.ClickException."""
    folder = Storage.read().data_dir
    if SharedWarehouse.read().warehouse is None:
        raise click.UsageError(f"COUPONTOOLS_WAREHOUSE is not set: the database of this machine is in {folder}.")
    file = file or folder / "coupontools.duckdb"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(Warehouse()) as warehouse:
            rows = write(warehouse.engine, file, [table.schema_of_table() for table in TABLES], read_marts())
    except OSError as error:
        raise click.ClickException(f"{file.parent} cannot be written: {error.strerror}.") from None
    except WarehouseError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{sum(rows.values()):,} rows of {len(rows)} tables are in {file}.")
