"""The table `email_groups`."""

from typing import ClassVar

from assets.tables.table import Source, Table, column
from assets.tables.types import Id, Text


class EmailGroup(Table):
    """Groups of contacts in the e-mail tool; one row per group."""

    TABLE: ClassVar[str] = "email_groups"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/others"
    KEY: ClassVar[tuple[str, ...]] = ("email_group_id",)
    SOURCE: ClassVar[Source] = Source("messaging", parts=("email_groups",))

    email_group_id: Id = column({"ID": "assumed", "id": "assumed"}, doc="E-mail group", required=True)
    name: Text | None = column({"name": "assumed"}, doc="Name of the group")
