"""The table `sms_contacts`."""

from typing import ClassVar

from assets.tables.sms_groups import SmsGroup
from assets.tables.table import Source, Table, column
from assets.tables.types import Id, Text


class SmsContact(Table):
    """Contacts in the groups of the SMS tool; one row per group and phone number.

    The API does not document the fields of its answer; their names are taken from the call that adds a contact.
    """

    TABLE: ClassVar[str] = "sms_contacts"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/others"
    KEY: ClassVar[tuple[str, ...]] = ("sms_group_id", "phone")
    SOURCE: ClassVar[Source] = Source("messaging", parts=("sms_contacts",), parent=SmsGroup)

    sms_group_id: Id = column(doc="SMS group of the contact, known from the request", required=True)
    phone: Id = column({"phone": "assumed"}, doc="Phone number, E.164", personal=True, required=True)
    sms_contact_id: Text | None = column({"ID": "assumed", "id": "assumed"}, doc="Contact id, if the API gives one")
    first_name: Text | None = column({"first_name": "assumed", "firstname": "assumed"}, doc="First name", personal=True)
    last_name: Text | None = column({"last_name": "assumed", "lastname": "assumed"}, doc="Last name", personal=True)
    custom_field_1: Text | None = column({"customfield1": "assumed"}, doc="Custom field 1", personal=True)
    custom_field_2: Text | None = column({"customfield2": "assumed"}, doc="Custom field 2", personal=True)
    custom_field_3: Text | None = column({"customfield3": "assumed"}, doc="Custom field 3", personal=True)
    custom_field_4: Text | None = column({"customfield4": "assumed"}, doc="Custom field 4", personal=True)
    custom_field_5: Text | None = column({"customfield5": "assumed"}, doc="Custom field 5", personal=True)
    custom_field_6: Text | None = column({"customfield6": "assumed"}, doc="Custom field 6", personal=True)
    custom_field_7: Text | None = column({"customfield7": "assumed"}, doc="Custom field 7", personal=True)
