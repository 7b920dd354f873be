"""The table `sms_groups`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Id, Text


class SmsGroup(Table):
    """Groups of contacts in the SMS tool; one row per group."""

    TABLE: ClassVar[str] = "sms_groups"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/others"
    KEY: ClassVar[tuple[str, ...]] = ("sms_group_id",)

    sms_group_id: Id = column({"ID": "A", "id": "assumed"}, doc="SMS group, as gro_123456", required=True)
    name: Text | None = column({"name": "A"}, doc="Name of the group")
