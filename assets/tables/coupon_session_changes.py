"""The table `coupon_session_changes`."""

from collections.abc import Mapping
from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Amount, Flag, Id, LocalTimestamp, Timestamp
from resources.warehouse.schema import Change, Month


class CouponSessionChange(Table):
    """Sessions that were voided, locked, reset or otherwise changed back between two reads; rows are only added.

    Normal progress (a date, a flag or a value that is set for the first time) is not recorded, but voids and locks are.
    A row has every column before and after, also unchanged ones. The API gives the current state and no list of events,
    so a change that is undone between two reads is not seen.
    """

    TABLE: ClassVar[str] = "coupon_session_changes"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/coupon"
    KEY: ClassVar[tuple[str, ...]] = ("session_id", "observed_at")
    FILES: ClassVar[Month] = Month("observed_at")
    CHANGES: ClassVar[Mapping[str, Change]] = {
        "is_voided": "also to a value",
        "voided_at": "also to a value",
        "is_locked": "also to a value",
        **dict.fromkeys(
            (
                "is_opened",
                "opened_at",
                "is_played",
                "played_at",
                "is_claimed",
                "claimed_at",
                "is_validated",
                "validated_at",
                "unvoided_at",
                "unlocked_at",
                "is_saved_to_apple_wallet",
                "saved_to_apple_wallet_at",
                "is_saved_to_google_wallet",
                "saved_to_google_wallet_at",
                "validation_value",
                "expires_at_local",
            ),
            "once set",
        ),
    }

    session_id: Id = column(doc="Session id, case-sensitive", required=True)
    last_observed_at: Timestamp = column(doc="When the state before the change was last read, UTC", required=True)
    observed_at: Timestamp = column(doc="When the state after the change was first read, UTC", required=True)
    is_voided_before: Flag | None = column(doc="Whether it was void before")
    is_voided_after: Flag | None = column(doc="Whether it was void after")
    voided_at_before: Timestamp | None = column(doc="When it was voided, UTC: before")
    voided_at_after: Timestamp | None = column(doc="When it was voided, UTC: after")
    unvoided_at_before: Timestamp | None = column(doc="When a void was undone, UTC: before")
    unvoided_at_after: Timestamp | None = column(doc="When a void was undone, UTC: after")
    is_locked_before: Flag | None = column(doc="Whether it was locked before")
    is_locked_after: Flag | None = column(doc="Whether it was locked after")
    unlocked_at_before: Timestamp | None = column(doc="When it was unlocked, UTC: before")
    unlocked_at_after: Timestamp | None = column(doc="When it was unlocked, UTC: after")
    is_opened_before: Flag | None = column(doc="Whether it was opened before")
    is_opened_after: Flag | None = column(doc="Whether it was opened after")
    opened_at_before: Timestamp | None = column(doc="When it was first opened, UTC: before")
    opened_at_after: Timestamp | None = column(doc="When it was first opened, UTC: after")
    is_played_before: Flag | None = column(doc="Whether its game was played before")
    is_played_after: Flag | None = column(doc="Whether its game was played after")
    played_at_before: Timestamp | None = column(doc="When its game was played, UTC: before")
    played_at_after: Timestamp | None = column(doc="When its game was played, UTC: after")
    is_claimed_before: Flag | None = column(doc="Whether it was claimed before")
    is_claimed_after: Flag | None = column(doc="Whether it was claimed after")
    claimed_at_before: Timestamp | None = column(doc="When it was claimed, UTC: before")
    claimed_at_after: Timestamp | None = column(doc="When it was claimed, UTC: after")
    is_validated_before: Flag | None = column(doc="Whether it was validated before")
    is_validated_after: Flag | None = column(doc="Whether it was validated after")
    validated_at_before: Timestamp | None = column(doc="When it was validated, UTC: before")
    validated_at_after: Timestamp | None = column(doc="When it was validated, UTC: after")
    is_saved_to_apple_wallet_before: Flag | None = column(doc="Whether it was saved to Apple Wallet before")
    is_saved_to_apple_wallet_after: Flag | None = column(doc="Whether it was saved to Apple Wallet after")
    saved_to_apple_wallet_at_before: Timestamp | None = column(doc="When it was saved to Apple Wallet, UTC: before")
    saved_to_apple_wallet_at_after: Timestamp | None = column(doc="When it was saved to Apple Wallet, UTC: after")
    is_saved_to_google_wallet_before: Flag | None = column(doc="Whether it was saved to Google Wallet before")
    is_saved_to_google_wallet_after: Flag | None = column(doc="Whether it was saved to Google Wallet after")
    saved_to_google_wallet_at_before: Timestamp | None = column(doc="When it was saved to Google Wallet, UTC: before")
    saved_to_google_wallet_at_after: Timestamp | None = column(doc="When it was saved to Google Wallet, UTC: after")
    validation_value_before: Amount | None = column(doc="Value noted at validation before")
    validation_value_after: Amount | None = column(doc="Value noted at validation after")
    expires_at_local_before: LocalTimestamp | None = column(
        doc="When it expires, in local time; the time zone is not documented: before"
    )
    expires_at_local_after: LocalTimestamp | None = column(
        doc="When it expires, in local time; the time zone is not documented: after"
    )
