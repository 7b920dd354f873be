"""The table `loyalty_cards`."""

from typing import ClassVar

from assets.tables.table import Source, Table, column
from assets.tables.types import Id, Text


class LoyaltyCard(Table):
    """Loyalty cards of the account; one row per card."""

    TABLE: ClassVar[str] = "loyalty_cards"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/v4/loyalty"
    KEY: ClassVar[tuple[str, ...]] = ("loyalty_card_id",)
    SOURCE: ClassVar[Source] = Source("loyalty", parts=("loyalty_cards",))

    loyalty_card_id: Id = column(
        {"id": "documented", "ID": "assumed"}, doc="Loyalty card id, for example 123456", required=True
    )
    code: Text | None = column({"code": "documented"}, doc="Last part of the card's public address")
    name: Text | None = column({"name": "documented"}, doc="Name of the card")
    domain: Text | None = column({"domain": "documented"}, doc="Host of the card's public address")
    type: Text | None = column({"type": "documented"}, doc="Kind of card: membership or stamp are documented")
