"""Every table that is published, how it is extracted, and the views of the schema `marts`."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from assets import tables
from assets.accounts import subaccounts
from assets.campaigns import campaigns, categories
from assets.coupon_sessions import coupon_sessions
from assets.directories import directories, directory_campaigns, directory_registrations
from assets.ingest.extract_source import extract_source
from assets.ingest.ingest import Extract
from assets.loyalty import loyalty_cards, loyalty_users
from assets.messaging import email_groups, sms_contacts, sms_groups
from assets.tables.campaigns import Campaign
from assets.tables.categories import Category
from assets.tables.coupon_sessions import CouponSession
from assets.tables.directories import Directory
from assets.tables.directory_campaigns import DirectoryCampaign
from assets.tables.directory_registrations import DirectoryRegistration
from assets.tables.email_groups import EmailGroup
from assets.tables.loyalty_cards import LoyaltyCard
from assets.tables.loyalty_users import LoyaltyUser
from assets.tables.sms_contacts import SmsContact
from assets.tables.sms_groups import SmsGroup
from assets.tables.subaccounts import Subaccount
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

EXTRACTS: dict[type[Table], Extract] = {
    **dict.fromkeys(SOURCES, extract_source),
    Campaign: campaigns,
    Category: categories,
    CouponSession: coupon_sessions,
    LoyaltyCard: loyalty_cards,
    LoyaltyUser: loyalty_users,
    Directory: directories,
    DirectoryCampaign: directory_campaigns,
    DirectoryRegistration: directory_registrations,
    Subaccount: subaccounts,
    SmsGroup: sms_groups,
    SmsContact: sms_contacts,
    EmailGroup: email_groups,
}
"""The function that extracts each table that is read from the API: of its own, or for its Source alone."""


IDENTITY = f"""CREATE MACRO marts.identity(text) AS {identity_in_sql("text")};
COMMENT ON MACRO marts.identity IS 'An e-mail address or phone number as it identifies a customer; otherwise null';"""
"""The SQL function that brings addresses and numbers into one form, for the views and for joins with other data."""

IS_REACHED = """CREATE MACRO marts.is_reached(flag, reached_at) AS flag IS TRUE OR reached_at IS NOT NULL;
COMMENT ON MACRO marts.is_reached IS 'Whether a session has reached a step, by its flag or its date; true or false';"""
"""The SQL function by which all views know whether a session is opened, claimed, validated or saved to a wallet."""

IS_VOID = """CREATE MACRO marts.is_void(flag, voided_at) AS coalesce(flag, voided_at IS NOT NULL);
COMMENT ON MACRO marts.is_void IS 'Whether a session is void: as its flag says, or by its date if it has no flag';"""
"""The SQL function by which all views know whether a session is void now; its date may stay after a void is undone."""


def read_marts() -> list[str]:
    """Read the SQL of the schema `marts`: three functions, then the views, one script for each."""
    scripts = sorted((Path(__file__).parent / "marts").glob("*.sql"))
    return [IDENTITY, IS_REACHED, IS_VOID, *(script.read_text("utf-8") for script in scripts)]
