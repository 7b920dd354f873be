"""The table `campaigns`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Text


class Campaign(Table):
    """Campaigns (coupons) of the account, ended ones too; one row per campaign."""

    TABLE: ClassVar[str] = "campaigns"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/coupon"
    KEY: ClassVar[tuple[str, ...]] = ("campaign_id",)

    campaign_id: Text = column("ID", "id", doc="Campaign, as cam_12345", evidence="C", required=True)
    code: Text | None = column("code", doc="Last part of the coupon's public address", evidence="C")
    name: Text | None = column("name", doc="Name inside the account", evidence="C")
    title: Text | None = column("title", doc="Title that consumers see", evidence="C")
    status: Text | None = column(
        "status", doc="State of the campaign; active is the only word documented", evidence="C"
    )
    url: Text | None = column("url", doc="Public address of the coupon", evidence="C")
