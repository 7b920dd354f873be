"""The table `coupon_sessions`."""

from typing import ClassVar

from assets.tables.campaigns import Campaign
from assets.tables.table import Source, Table, column
from assets.tables.types import Amount, Flag, Id, Integer, Text, Timestamp
from resources.warehouse.schema import Month


class CouponSession(Table):
    """One row per consumer who got a coupon of a campaign, with the moment of each step of its life."""

    TABLE: ClassVar[str] = "coupon_sessions"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/coupon"
    KEY: ClassVar[tuple[str, ...]] = ("session_id",)
    SOURCE: ClassVar[Source] = Source(
        "campaigns",
        parts=("sessions", "opens", "claims", "validations"),
        parent=Campaign,
        day="created_at",
        partitions="by day",
    )
    FILES: ClassVar[Month] = Month("created_at", ("opened_at", "played_at", "claimed_at", "validated_at", "voided_at"))

    session_id: Id = column({"session": "documented"}, doc="Session; upper and lower case differ", required=True)
    campaign_id: Text = column(doc="Campaign whose sessions were asked for", required=True)
    sequence_id: Integer | None = column(
        {"sequenceid": "documented", "sequence_id": "assumed"}, doc="Number that grows with creation"
    )
    custom_id: Text | None = column(
        {"customid": "documented"}, doc="Id that the marketer gave the consumer", personal=True
    )
    session_url: Text | None = column(
        {"session_url": "documented"}, doc="Address of the consumer's coupon", personal=True
    )
    created_at: Timestamp | None = column(
        {"status.created_date_utc": "documented", "created_date_utc": "assumed"}, doc="When it was created, UTC"
    )
    opened_at: Timestamp | None = column({"status.open_date_utc": "documented"}, doc="When it was first opened, UTC")
    played_at: Timestamp | None = column({"status.played_date_utc": "documented"}, doc="When its game was played, UTC")
    claimed_at: Timestamp | None = column({"status.claim_date_utc": "documented"}, doc="When it was claimed, UTC")
    validated_at: Timestamp | None = column(
        {"status.validation_date_utc": "seen in client code"}, doc="When it was validated (redeemed), UTC"
    )
    voided_at: Timestamp | None = column(
        {"status.voided_date_utc": "seen in client code"}, doc="When it was voided, UTC"
    )
    is_opened: Flag | None = column({"status.opened": "documented"}, doc="Whether it was opened")
    is_played: Flag | None = column({"status.played": "documented"}, doc="Whether its game was played")
    is_claimed: Flag | None = column(
        {"status.claimed": "documented"}, doc="Whether it was claimed; may be without being opened"
    )
    is_validated: Flag | None = column({"status.validated": "assumed"}, doc="Whether it was validated")
    is_voided: Flag | None = column({"status.voided": "assumed"}, doc="Whether it is void")
    is_locked: Flag | None = column({"status.locked": "seen in client code"}, doc="Whether it is locked")
    is_saved_to_wallet: Flag | None = column(
        {"status.saved_to_passbook": "documented"}, doc="Whether it was saved to a wallet app"
    )
    claim_type: Text | None = column({"status.claimtype": "documented"}, doc="How it was claimed")
    validation_value: Amount | None = column(
        {"status.validation_value": "seen in client code"}, doc="Value noted at validation"
    )
    value: Text | None = column(
        {"status.value": "seen in client code"}, doc="Value of the coupon, a free text", personal=True
    )
    own_validation_code: Text | None = column(
        {"status.own_validation_code": "seen in client code"}, doc="The marketer's own validation code", personal=True
    )
    first_name: Text | None = column(
        {"user.firstname": "assumed", "firstname": "assumed"}, doc="Consumer's first name", personal=True
    )
    last_name: Text | None = column(
        {"user.lastname": "assumed", "lastname": "assumed"}, doc="Consumer's last name", personal=True
    )
    email: Text | None = column(
        {"user.email": "assumed", "email": "assumed"}, doc="Consumer's e-mail address", personal=True
    )
    phone: Text | None = column(
        {"user.phone": "assumed", "phone": "assumed"}, doc="Consumer's phone number", personal=True
    )
    language: Text | None = column({"user.language": "assumed", "language": "assumed"}, doc="Consumer's language")
    is_opted_in: Flag | None = column(
        {"user.optin": "assumed", "optin": "assumed"}, doc="Whether the consumer opted in"
    )
    custom_field_1: Text | None = column(
        {"user.customfield1": "assumed", "customfield1": "assumed"}, doc="Custom field 1", personal=True
    )
    custom_field_2: Text | None = column(
        {"user.customfield2": "assumed", "customfield2": "assumed"}, doc="Custom field 2", personal=True
    )
    custom_field_3: Text | None = column(
        {"user.customfield3": "assumed", "customfield3": "assumed"}, doc="Custom field 3", personal=True
    )
    custom_field_4: Text | None = column(
        {"user.customfield4": "assumed", "customfield4": "assumed"}, doc="Custom field 4", personal=True
    )
    custom_field_5: Text | None = column(
        {"user.customfield5": "assumed", "customfield5": "assumed"}, doc="Custom field 5", personal=True
    )
    custom_field_6: Text | None = column(
        {"user.customfield6": "assumed", "customfield6": "assumed"}, doc="Custom field 6", personal=True
    )
    custom_field_7: Text | None = column(
        {"user.customfield7": "assumed", "customfield7": "assumed"}, doc="Custom field 7", personal=True
    )
