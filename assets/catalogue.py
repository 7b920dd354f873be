"""Every table that is published, the asset that fills it, and the views that are made of them."""

from pathlib import Path

import dagster as dg

from assets.accounts import subaccounts
from assets.campaigns import campaigns, categories
from assets.coupon_sessions import coupon_sessions
from assets.directories import directories, directory_campaigns, directory_registrations
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
from assets.tables.loyalty_user_changes import LoyaltyUserChange
from assets.tables.loyalty_users import LoyaltyUser
from assets.tables.quarantine import Quarantine
from assets.tables.sms_contacts import SmsContact
from assets.tables.sms_groups import SmsGroup
from assets.tables.subaccounts import Subaccount
from assets.tables.table import Table
from resources.warehouse.identity import identity_in_sql

ASSETS: dict[type[Table], dg.AssetsDefinition] = {
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
"""The asset of each table that is read from the API."""

KEYED: tuple[type[Table], ...] = (*ASSETS, LoyaltyUserChange)
"""Every table that has a key, and so an asset."""

TABLES: tuple[type[Table], ...] = (*KEYED, Quarantine)
"""Every table that is published."""


IDENTITY = f"""CREATE MACRO marts.identity(text) AS {identity_in_sql("text")};
COMMENT ON MACRO marts.identity IS 'An e-mail address or phone number as customers are told apart by it';"""
"""The function that says in SQL who is the same, for the views and for whoever joins data of his own."""


def marts() -> list[str]:
    """The SQL of what is published in the schema `marts`: a function, then the views, one script for each."""
    scripts = sorted((Path(__file__).parent / "marts").glob("*.sql"))
    return [IDENTITY, *(script.read_text("utf-8") for script in scripts)]
