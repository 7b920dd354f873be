"""Every table that is published, the asset that fills it, and the views of the schema `marts`."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import dagster as dg

from assets import tables
from assets.accounts import subaccounts
from assets.campaigns import campaigns, categories
from assets.coupon_sessions import coupon_sessions
from assets.directories import directories, directory_campaigns, directory_registrations
from assets.ingest.extract_source import extract_source
from assets.ingest.table_asset import table_asset
from assets.loyalty import loyalty_cards, loyalty_users
from assets.messaging import email_groups, sms_contacts, sms_groups
from assets.tables.table import Source, Table
from resources.warehouse.identity import identity_in_sql


def _discover_tables() -> list[type[Table]]:
    """Import every module of `assets.tables` and return the tables that they declare, by module name."""
    modules = [import_module(f"{tables.__name__}.{module.name}") for module in iter_modules(tables.__path__)]
    return [
        member
        for module in modules
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, Table) and member.__module__ == module.__name__
        if member is not Table
    ]


_DISCOVERED = _discover_tables()

KEYED: tuple[type[Table], ...] = tuple(table for table in _DISCOVERED if table.KEY)
"""Every table that has a key, and so an asset."""

TABLES: tuple[type[Table], ...] = (*KEYED, *(table for table in _DISCOVERED if not table.KEY))
"""Every table that is published."""

SOURCES: dict[type[Table], Source] = {table: table.SOURCE for table in TABLES if table.SOURCE}
"""The Source of each table that is read from the API."""

_WRITTEN = (
    campaigns,
    categories,
    coupon_sessions,
    loyalty_cards,
    loyalty_users,
    directories,
    directory_campaigns,
    directory_registrations,
    subaccounts,
    sms_groups,
    sms_contacts,
    email_groups,
)

_ASSETS_BY_NAME = {asset.node_def.name: asset for asset in _WRITTEN}

ASSETS: dict[type[Table], dg.AssetsDefinition] = {
    table: _ASSETS_BY_NAME.get(table.TABLE) or table_asset(table)(extract_source) for table in SOURCES
}
"""The asset of each table that is read from the API: from an asset module, or made from the table's Source alone."""


IDENTITY = f"""CREATE MACRO marts.identity(text) AS {identity_in_sql("text")};
COMMENT ON MACRO marts.identity IS 'An e-mail address or phone number as it identifies a customer; otherwise null';"""
"""The SQL function that brings addresses and numbers into one form, for the views and for joins with other data."""

IS_VOID = """CREATE MACRO marts.is_void(flag, voided_at) AS coalesce(flag, voided_at IS NOT NULL);
COMMENT ON MACRO marts.is_void IS 'Whether a session is void: as its flag says, or by its date if it has no flag';"""
"""The SQL function by which all views know whether a session is void now; its date may stay after a void is undone."""


def read_marts() -> list[str]:
    """Read the SQL of the schema `marts`: two functions, then the views, one script for each."""
    scripts = sorted((Path(__file__).parent / "marts").glob("*.sql"))
    return [IDENTITY, IS_VOID, *(script.read_text("utf-8") for script in scripts)]
