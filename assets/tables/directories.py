"""The table `directories`."""

from typing import ClassVar

from assets.tables.table import Source, Table, column
from assets.tables.types import Amount, Id, Text


class Directory(Table):
    """Coupon directories of the account, with the price of access; one row per directory."""

    TABLE: ClassVar[str] = "directories"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/v3/directory"
    KEY: ClassVar[tuple[str, ...]] = ("directory_id",)
    SOURCE: ClassVar[Source] = Source("directories", parts=("directories",), description="directory_info")

    directory_id: Id = column(
        {"ID": "documented", "id": "seen in client code"}, doc="Directory id, for example dir_12345", required=True
    )
    code: Text | None = column({"code": "documented"}, doc="Last part of the directory's public address")
    name: Text | None = column({"name": "documented"}, doc="Name of the directory")
    payment_currency: Text | None = column(
        {"payment.currency": "documented"}, doc="Currency of the price, for example USD"
    )
    payment_amount: Amount | None = column({"payment.amount": "documented"}, doc="Price of access, in payment_currency")
    payment_type: Text | None = column(
        {"payment.type": "documented"},
        doc="basic, recurring_daily, recurring_weekly, recurring_monthly or recurring_yearly; "
        "null if it is free, or if the API does not say",
    )
    payment_description: Text | None = column(
        {"payment.description": "documented"}, doc="Description of the payment, shown to the payer"
    )
