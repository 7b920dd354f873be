"""The table `coupon_sessions`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Amount, Flag, Integer, Text, Timestamp
from resources.warehouse.schema import Month


class CouponSession(Table):
    """One row per consumer who got a coupon of a campaign, with the moment of each step of its life."""

    TABLE: ClassVar[str] = "coupon_sessions"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/coupon"
    KEY: ClassVar[tuple[str, ...]] = ("session_id",)
    MONTH: ClassVar[Month] = Month("created_at", ("opened_at", "played_at", "claimed_at", "validated_at", "voided_at"))

    session_id: Text = column("session", doc="Session; upper and lower case differ", evidence="A", required=True)
    campaign_id: Text = column(doc="Campaign whose sessions were asked for", evidence="ours", required=True)
    sequence_id: Integer | None = column("sequenceid", doc="Number that grows with creation", evidence="A")
    custom_id: Text | None = column(
        "customid", doc="Id that the marketer gave the consumer", evidence="A", personal=True
    )
    session_url: Text | None = column("session_url", doc="Address of the consumer's coupon", evidence="A")
    created_at: Timestamp | None = column("status.created_date_utc", doc="When it was created, UTC", evidence="A")
    opened_at: Timestamp | None = column("status.open_date_utc", doc="When it was first opened, UTC", evidence="A")
    played_at: Timestamp | None = column("status.played_date_utc", doc="When its game was played, UTC", evidence="A")
    claimed_at: Timestamp | None = column("status.claim_date_utc", doc="When it was claimed, UTC", evidence="A")
    validated_at: Timestamp | None = column(
        "status.validation_date_utc", doc="When it was validated (redeemed), UTC", evidence="C"
    )
    voided_at: Timestamp | None = column("status.voided_date_utc", doc="When it was voided, UTC", evidence="C")
    is_opened: Flag | None = column("status.opened", doc="Whether it was opened", evidence="A")
    is_played: Flag | None = column("status.played", doc="Whether its game was played", evidence="A")
    is_claimed: Flag | None = column(
        "status.claimed", doc="Whether it was claimed; may be without being opened", evidence="A"
    )
    is_validated: Flag | None = column("status.validated", doc="Whether it was validated", evidence="assumed")
    is_voided: Flag | None = column("status.voided", doc="Whether it is void", evidence="assumed")
    is_locked: Flag | None = column("status.locked", doc="Whether it is locked", evidence="C")
    is_saved_to_wallet: Flag | None = column(
        "status.saved_to_passbook", doc="Whether it was saved to a wallet app", evidence="A"
    )
    claim_type: Text | None = column("status.claimtype", doc="How it was claimed", evidence="A")
    validation_value: Amount | None = column("status.validation_value", doc="Value noted at validation", evidence="C")
    value: Text | None = column("status.value", doc="Value of the coupon", evidence="C")
    own_validation_code: Text | None = column(
        "status.own_validation_code", doc="The marketer's own validation code", evidence="C"
    )
    first_name: Text | None = column("user.firstname", doc="Consumer's first name", evidence="assumed", personal=True)
    last_name: Text | None = column("user.lastname", doc="Consumer's last name", evidence="assumed", personal=True)
    email: Text | None = column("user.email", doc="Consumer's e-mail address", evidence="assumed", personal=True)
    phone: Text | None = column("user.phone", doc="Consumer's phone number", evidence="assumed", personal=True)
    language: Text | None = column("user.language", doc="Consumer's language", evidence="assumed")
    is_opted_in: Flag | None = column("user.optin", doc="Whether the consumer opted in", evidence="assumed")
    custom_field_1: Text | None = column("user.customfield1", doc="Custom field 1", evidence="assumed", personal=True)
    custom_field_2: Text | None = column("user.customfield2", doc="Custom field 2", evidence="assumed", personal=True)
    custom_field_3: Text | None = column("user.customfield3", doc="Custom field 3", evidence="assumed", personal=True)
    custom_field_4: Text | None = column("user.customfield4", doc="Custom field 4", evidence="assumed", personal=True)
    custom_field_5: Text | None = column("user.customfield5", doc="Custom field 5", evidence="assumed", personal=True)
    custom_field_6: Text | None = column("user.customfield6", doc="Custom field 6", evidence="assumed", personal=True)
    custom_field_7: Text | None = column("user.customfield7", doc="Custom field 7", evidence="assumed", personal=True)
