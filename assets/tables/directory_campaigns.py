"""The table `directory_campaigns`."""

from typing import ClassVar

from assets.tables.directories import Directory
from assets.tables.table import Source, Table, column
from assets.tables.types import Id, Text


class DirectoryCampaign(Table):
    """Campaigns in each directory; one row per directory and campaign.

    Neither the path nor the answer is documented; a record is assumed to be one of the list of campaigns.
    """

    TABLE: ClassVar[str] = "directory_campaigns"
    PAGE: ClassVar[str] = "https://www.coupontools.com/en/api-and-webhooks/retrieve_a_directory"
    KEY: ClassVar[tuple[str, ...]] = ("directory_id", "campaign_id")
    SOURCE: ClassVar[Source] = Source("directories", parts=("directory_campaigns",), parent=Directory)

    directory_id: Id = column(doc="Directory that the campaign is in, known from the request", required=True)
    campaign_id: Id = column(
        {"ID": "assumed", "id": "assumed", "campaign": "assumed", "campaign_id": "assumed"},
        doc="Campaign in the directory",
        required=True,
    )
    code: Text | None = column({"code": "assumed"}, doc="Last part of the coupon's public address")
    name: Text | None = column({"name": "assumed"}, doc="Name inside the account")
    title: Text | None = column({"title": "assumed"}, doc="Title that consumers see")
    status: Text | None = column({"status": "assumed"}, doc="Status of the campaign")
    url: Text | None = column({"url": "assumed"}, doc="Public address of the coupon")
