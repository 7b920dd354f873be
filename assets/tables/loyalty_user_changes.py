"""The table `loyalty_user_changes`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Amount, Flag, Id, Integer, Timestamp
from resources.warehouse.schema import Month


class LoyaltyUserChange(Table):
    """Changes of a loyalty user's points, stamps or void state between two reads; rows are only added.

    The API gives the current state and no list of events, so a change that is undone between two reads is not seen.
    """

    TABLE: ClassVar[str] = "loyalty_user_changes"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/v4/loyalty"
    KEY: ClassVar[tuple[str, ...]] = ("loyalty_card_id", "loyalty_user_id", "observed_at")
    FILES: ClassVar[Month] = Month("observed_at")

    loyalty_card_id: Id = column(doc="Loyalty card", required=True)
    loyalty_user_id: Id = column(doc="User of the card", required=True)
    last_observed_at: Timestamp = column(doc="When the state before the change was last read, UTC", required=True)
    observed_at: Timestamp = column(doc="When the state after the change was first read, UTC", required=True)
    points_before: Amount | None = column(doc="Points before")
    points_after: Amount | None = column(doc="Points after")
    stamps_before: Integer | None = column(doc="Stamps before")
    stamps_after: Integer | None = column(doc="Stamps after")
    is_voided_before: Flag | None = column(doc="Whether the card was void for this user before")
    is_voided_after: Flag | None = column(doc="Whether the card was void for this user after")
