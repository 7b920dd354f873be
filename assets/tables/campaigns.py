"""The table `campaigns`."""

from typing import ClassVar

from assets.tables.table import Source, Table, column
from assets.tables.types import Id, Integer, Text


class Campaign(Table):
    """Campaigns (coupons) of the account, including ended ones; one row per campaign."""

    TABLE: ClassVar[str] = "campaigns"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/coupon"
    KEY: ClassVar[tuple[str, ...]] = ("campaign_id",)
    SOURCE: ClassVar[Source] = Source(
        "campaigns", parts=("campaigns",), description="campaign_info", active="active_campaigns"
    )

    campaign_id: Id = column(
        {"ID": "seen in client code", "id": "assumed"}, doc="Campaign id, for example cam_12345", required=True
    )
    code: Text | None = column({"code": "seen in client code"}, doc="Last part of the coupon's public address")
    name: Text | None = column({"name": "seen in client code"}, doc="Name inside the account")
    title: Text | None = column({"title": "seen in client code"}, doc="Title that consumers see")
    status: Text | None = column(
        {"status": "seen in client code"}, doc="Status of the campaign; active is the only documented value"
    )
    url: Text | None = column({"url": "seen in client code"}, doc="Public address of the coupon")
    custom_codes: Integer | None = column(
        {"total_custom_validation_codes": "assumed", "custom_validation_codes": "assumed"},
        doc="Number of own validation codes of the campaign",
    )
    custom_codes_claimed: Integer | None = column(
        {"claimed_custom_validation_codes": "assumed", "claimed_custom_codes": "assumed"},
        doc="Number of own validation codes that were claimed",
    )
