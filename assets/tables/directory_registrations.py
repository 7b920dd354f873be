"""The table `directory_registrations`."""

from typing import ClassVar

from assets.tables.directories import Directory
from assets.tables.table import Source, Table, column
from assets.tables.types import Date, Flag, Id, Text, ZonedTimestamp
from resources.warehouse.schema import Month


class DirectoryRegistration(Table):
    """People who registered for a directory; one row per directory and registration.

    The API does not document the fields of its answer; their names are taken from the calls that create or change a
    registration.
    """

    TABLE: ClassVar[str] = "directory_registrations"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/v3/directory"
    KEY: ClassVar[tuple[str, ...]] = ("directory_id", "registration_id")
    SOURCE: ClassVar[Source] = Source(
        "directories",
        parts=("directory_registrations",),
        parent=Directory,
        day="registered_at",
        partitions="daily",
    )
    FILES: ClassVar[Month] = Month("registered_at")

    directory_id: Id = column(doc="Directory of the registration, known from the request", required=True)
    registration_id: Id = column(
        {"ID": "assumed", "id": "seen in client code", "user_id": "assumed", "user": "assumed"},
        doc="Registration id, for example reg_12345",
        required=True,
    )
    registered_at: ZonedTimestamp | None = column(
        {
            "created_at": "seen in client code",
            "registration_date_utc": "assumed",
            "created_date_utc": "assumed",
            "registration_date": "assumed",
            "registered_at": "assumed",
            "created_date": "assumed",
            "createdate": "assumed",
            "date": "assumed",
        },
        doc="When the person registered, UTC",
    )
    email: Text | None = column({"email": "assumed", "mail": "assumed"}, doc="E-mail address", personal=True)
    phone: Text | None = column({"phone": "assumed"}, doc="Phone number", personal=True)
    first_name: Text | None = column(
        {"first_name": "assumed", "first_Name": "assumed", "firstname": "assumed"}, doc="First name", personal=True
    )
    last_name: Text | None = column(
        {"last_name": "assumed", "last_Name": "assumed", "lastname": "assumed"}, doc="Last name", personal=True
    )
    birthday: Date | None = column(
        {"birth_date": "assumed", "birthday": "assumed", "birthdate": "assumed"}, doc="Date of birth", personal=True
    )
    address: Text | None = column({"address": "assumed"}, doc="Street and number", personal=True)
    zip: Text | None = column({"zip": "assumed"}, doc="Postal code", personal=True)
    city: Text | None = column({"city": "assumed"}, doc="City", personal=True)
    custom_field_1: Text | None = column(
        {"custom_1": "assumed", "customfield1": "assumed"}, doc="Custom field 1", personal=True
    )
    custom_field_2: Text | None = column(
        {"custom_2": "assumed", "customfield2": "assumed"}, doc="Custom field 2", personal=True
    )
    custom_field_3: Text | None = column(
        {"custom_3": "assumed", "customfield3": "assumed"}, doc="Custom field 3", personal=True
    )
    payment_status: Text | None = column(
        {"payment_status": "assumed"}, doc="Whether the person has paid, as the API says it: for example paid"
    )
    access_expires_at: ZonedTimestamp | None = column(
        {"expires_at": "assumed", "expiry_date": "assumed"}, doc="When paid access ends, UTC"
    )
    is_blocked: Flag | None = column(
        {"blocked": "assumed", "is_blocked": "assumed", "block": "assumed", "disabled": "assumed"},
        doc="Whether the person is blocked",
    )
