"""`coupontools adopt`: accepts new keys, or a new address, for the account of the warehouse."""

from contextlib import closing

import click

from resources.coupontools.account import CoupontoolsAccount
from resources.warehouse.admission import adopt as take_over
from resources.warehouse.errors import WarehouseError
from resources.warehouse.warehouse import Warehouse


def adopt() -> None:
    """Note in the warehouse that its rows belong to the account of the environment. Raises click.ClickException."""
    with closing(Warehouse()) as warehouse:
        try:
            take_over(warehouse.engine, warehouse.origin_of(CoupontoolsAccount().fingerprint()))
        except WarehouseError as error:
            raise click.ClickException(str(error)) from None
        address = warehouse.engine.place.address
    click.echo(f"The rows in {address} are now those of the account that your variables name.")
