"""The assets of tables, by the names that Dagster shows."""

from assets.table_assets import ASSETS
from assets.tables.campaigns import Campaign
from assets.tables.categories import Category
from assets.tables.coupon_sessions import CouponSession
from assets.tables.directories import Directory
from assets.tables.directory_campaigns import DirectoryCampaign
from assets.tables.directory_registrations import DirectoryRegistration
from assets.tables.loyalty_cards import LoyaltyCard
from assets.tables.loyalty_users import LoyaltyUser
from assets.tables.sms_contacts import SmsContact
from assets.tables.sms_groups import SmsGroup

campaigns = ASSETS[Campaign]
categories = ASSETS[Category]
coupon_sessions = ASSETS[CouponSession]
directories = ASSETS[Directory]
directory_campaigns = ASSETS[DirectoryCampaign]
directory_registrations = ASSETS[DirectoryRegistration]
loyalty_cards = ASSETS[LoyaltyCard]
loyalty_users = ASSETS[LoyaltyUser]
sms_contacts = ASSETS[SmsContact]
sms_groups = ASSETS[SmsGroup]
