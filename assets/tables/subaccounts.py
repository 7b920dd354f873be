"""The table `subaccounts`."""

from typing import ClassVar

from assets.tables.table import Source, Table, column
from assets.tables.types import Date, Id, Text


class Subaccount(Table):
    """Subaccounts that the account manages; one row per subaccount.

    The API does not document the fields of its answer; their names are taken from the call that creates a subaccount.
    """

    TABLE: ClassVar[str] = "subaccounts"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/account"
    KEY: ClassVar[tuple[str, ...]] = ("subaccount_id",)
    SOURCE: ClassVar[Source] = Source("accounts", parts=("subaccounts",), description="subaccount_info")

    subaccount_id: Id = column(
        {"ID": "hinted", "id": "assumed"}, doc="Subaccount id, for example sub_12345", required=True
    )
    email: Text | None = column({"email": "assumed"}, doc="E-mail address", personal=True)
    first_name: Text | None = column({"first_name": "assumed"}, doc="First name", personal=True)
    last_name: Text | None = column({"last_name": "assumed"}, doc="Last name", personal=True)
    company_name: Text | None = column({"company_name": "assumed"}, doc="Company")
    country: Text | None = column({"country": "assumed"}, doc="Country, ISO 3166 alpha-2")
    status: Text | None = column({"status": "assumed"}, doc="trial or customer")
    package_id: Text | None = column({"package": "assumed"}, doc="Package id, for example pac_12")
    expires_on: Date | None = column({"expiry_date": "assumed"}, doc="Last day of the subaccount")
