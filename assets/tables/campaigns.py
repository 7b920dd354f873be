"""The table `campaigns`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Id, Integer, Text


class Campaign(Table):
    """Campaigns (coupons) of the account, ended ones too; one row per campaign."""

    TABLE: ClassVar[str] = "campaigns"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/coupon"
    KEY: ClassVar[tuple[str, ...]] = ("campaign_id",)

    campaign_id: Id = column({"ID": "C", "id": "assumed"}, doc="Campaign, as cam_12345", required=True)
    code: Text | None = column({"code": "C"}, doc="Last part of the coupon's public address")
    name: Text | None = column({"name": "C"}, doc="Name inside the account")
    title: Text | None = column({"title": "C"}, doc="Title that consumers see")
    status: Text | None = column({"status": "C"}, doc="State of the campaign; active is the only word documented")
    url: Text | None = column({"url": "C"}, doc="Public address of the coupon")
    custom_codes: Integer | None = column(
        {"total_custom_validation_codes": "assumed", "custom_validation_codes": "assumed"},
        doc="Own validation codes that the campaign has in all",
    )
    custom_codes_claimed: Integer | None = column(
        {"claimed_custom_validation_codes": "assumed", "claimed_custom_codes": "assumed"},
        doc="Own validation codes that are claimed",
    )
