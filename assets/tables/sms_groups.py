"""The table `sms_groups`."""

from typing import ClassVar

from assets.tables.table import Source, Table, column
from assets.tables.types import Id, Text


class SmsGroup(Table):
    """Groups of contacts in the SMS tool; one row per group."""

    TABLE: ClassVar[str] = "sms_groups"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/others"
    KEY: ClassVar[tuple[str, ...]] = ("sms_group_id",)
    SOURCE: ClassVar[Source] = Source("messaging", parts=("sms_groups",))

    sms_group_id: Id = column(
        {"ID": "documented", "id": "assumed"}, doc="SMS group id, for example gro_123456", required=True
    )
    name: Text | None = column({"name": "documented"}, doc="Name of the group")
