"""The table `coupon_sessions`."""

from typing import ClassVar

from assets.tables.campaigns import Campaign
from assets.tables.coupon_session_changes import CouponSessionChange
from assets.tables.table import Source, Table, column
from assets.tables.types import Amount, Flag, Id, Integer, LocalTimestamp, Text, Timestamp
from resources.warehouse.schema import Month


class CouponSession(Table):
    """Coupon sessions: one row per consumer who got a coupon of a campaign, with the time of each step.

    The `redeem_location_…` columns describe a shop, not the consumer, so they are not personal data; the `utm_…`
    columns describe a link, and are personal data only where the link names somebody.
    """

    TABLE: ClassVar[str] = "coupon_sessions"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/coupon"
    KEY: ClassVar[tuple[str, ...]] = ("session_id",)
    SOURCE: ClassVar[Source] = Source(
        "campaigns",
        parts=("sessions", "opens", "claims", "validations"),
        parent=Campaign,
        day="created_at",
        partitions="daily",
    )
    HISTORY: ClassVar[type[Table]] = CouponSessionChange
    FILES: ClassVar[Month] = Month("created_at", ("opened_at", "played_at", "claimed_at", "validated_at", "voided_at"))

    session_id: Id = column({"session": "documented"}, doc="Session id, case-sensitive", required=True)
    campaign_id: Text = column(doc="Campaign of the session, known from the request", required=True)
    sequence_id: Integer | None = column(
        {"sequenceid": "documented", "sequence_id": "assumed"},
        doc="Sequence number; a session created later has a higher one (inferred)",
    )
    custom_id: Text | None = column(
        {"customid": "documented"}, doc="Id that the marketer gave the consumer", personal=True
    )
    inner_custom_id: Text | None = column(
        {"status.customid": "documented"}, doc="Second custom id that the API gives, kept separately", personal=True
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
        {"status.validation_date_utc": "documented"}, doc="When it was validated (redeemed), UTC"
    )
    voided_at: Timestamp | None = column(
        {"status.voided_date_utc": "seen in client code"},
        doc="When it was voided, UTC; shown only while void (inferred)",
    )
    unvoided_at: Timestamp | None = column(
        {"status.unvoided_date_utc": "documented"},
        doc="When a void was undone, UTC; the date alone does not prove that it was void",
    )
    unlocked_at: Timestamp | None = column({"status.unlocked_date_utc": "documented"}, doc="When it was unlocked, UTC")
    expires_at_local: LocalTimestamp | None = column(
        {"status.expiration_date": "documented"},
        doc="When it expires, in local time, not UTC; the time zone is not documented",
    )
    is_opened: Flag | None = column({"status.opened": "documented"}, doc="Whether it was opened")
    is_played: Flag | None = column({"status.played": "documented"}, doc="Whether its game was played")
    is_claimed: Flag | None = column(
        {"status.claimed": "documented"}, doc="Whether it was claimed; it can be claimed without being opened"
    )
    is_validated: Flag | None = column({"status.validated": "documented"}, doc="Whether it was validated")
    is_voided: Flag | None = column({"status.voided": "documented"}, doc="Whether it is void")
    is_locked: Flag | None = column({"status.locked": "documented"}, doc="Whether it is locked")
    is_saved_to_apple_wallet: Flag | None = column(
        {"status.saved_to_passbook": "documented"},
        doc="Whether it was saved to Apple Wallet",
        former_name="is_saved_to_wallet",
    )
    saved_to_apple_wallet_at: Timestamp | None = column(
        {"status.saved_to_passbook_date_utc": "documented"}, doc="When it was saved to Apple Wallet, UTC"
    )
    is_saved_to_google_wallet: Flag | None = column(
        {"status.saved_to_androidpay": "documented"}, doc="Whether it was saved to Google Wallet"
    )
    saved_to_google_wallet_at: Timestamp | None = column(
        {"status.saved_to_androidpay_date_utc": "documented"}, doc="When it was saved to Google Wallet, UTC"
    )
    claim_type: Text | None = column(
        {"status.claimtype": "documented"},
        doc="How it was claimed: what the consumer did for it, such as sharing it (inferred)",
    )
    validation_value: Amount | None = column(
        {"status.validation_value": "documented"}, doc="Value noted at validation: the money spent (inferred)"
    )
    value: Text | None = column(
        {"status.value": "documented"}, doc="Value of the coupon (inferred), a free text", personal=True
    )
    own_validation_code: Text | None = column(
        {"status.own_validation_code": "documented"}, doc="The marketer's own validation code", personal=True
    )
    redeem_location_id: Text | None = column(
        {"status.redeem_location_ID": "documented"},
        doc="Id of the location where it was redeemed; may be null although its name is known",
    )
    redeem_location_company: Text | None = column(
        {"status.redeem_location_company_name": "documented"}, doc="Company of the redeem location"
    )
    redeem_location_street: Text | None = column(
        {"status.redeem_location_street": "documented"}, doc="Street and number of the redeem location"
    )
    redeem_location_zip: Text | None = column(
        {"status.redeem_location_zip": "documented"}, doc="Postal code of the redeem location"
    )
    redeem_location_city: Text | None = column(
        {"status.redeem_location_city": "documented"}, doc="City of the redeem location"
    )
    redeem_location_province: Text | None = column(
        {"status.redeem_location_province": "documented"}, doc="Province of the redeem location"
    )
    redeem_location_country: Text | None = column(
        {"status.redeem_location_country": "documented"}, doc="Country of the redeem location"
    )
    redeem_location_phone: Text | None = column(
        {"status.redeem_location_phone": "documented"}, doc="Phone number of the redeem location"
    )
    redeem_location_website: Text | None = column(
        {"status.redeem_location_website": "documented"}, doc="Website of the redeem location"
    )
    utm_source: Text | None = column(
        {"status.utm_source": "documented"},
        doc="UTM source of the link that the consumer followed",
        personal="where it names somebody",
    )
    utm_medium: Text | None = column(
        {"status.utm_medium": "documented"}, doc="UTM medium of the link", personal="where it names somebody"
    )
    utm_campaign: Text | None = column(
        {"status.utm_campaign": "documented"}, doc="UTM campaign of the link", personal="where it names somebody"
    )
    utm_term: Text | None = column(
        {"status.utm_term": "documented"}, doc="UTM search term of the link", personal="where it names somebody"
    )
    utm_content: Text | None = column(
        {"status.utm_content": "documented"},
        doc="UTM content of the link: which link or advertisement it was",
        personal="where it names somebody",
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
