"""The table `loyalty_users`."""

from typing import ClassVar

from assets.tables.loyalty_cards import LoyaltyCard
from assets.tables.loyalty_user_changes import LoyaltyUserChange
from assets.tables.table import Source, Table, column
from assets.tables.types import Amount, Date, Flag, Id, Integer, Text
from resources.warehouse.schema import Value


class LoyaltyUser(Table):
    """People who hold a loyalty card, also a void one; one row per card and user.

    The API does not document the fields of its answer; their names are taken from the calls that create or update a
    user.
    """

    TABLE: ClassVar[str] = "loyalty_users"
    PAGE: ClassVar[str] = "https://docs.coupontools.com/api/v4/loyalty"
    KEY: ClassVar[tuple[str, ...]] = ("loyalty_card_id", "loyalty_user_id")
    SOURCE: ClassVar[Source] = Source("loyalty", parts=("loyalty_users",), parent=LoyaltyCard, partitions="cards")
    FILES: ClassVar[Value] = Value("card", "loyalty_card_id")
    HISTORY: ClassVar[type[Table]] = LoyaltyUserChange

    loyalty_card_id: Id = column(doc="Loyalty card of the user, known from the request", required=True)
    loyalty_user_id: Id = column(
        {"id": "assumed", "ID": "assumed", "user_id": "assumed", "user": "assumed"},
        doc="User of the card",
        required=True,
    )
    points: Amount | None = column({"points": "assumed", "amount_points": "assumed"}, doc="Points on the card")
    stamps: Integer | None = column({"stamps": "assumed", "amount_stamps": "assumed"}, doc="Stamps on the card")
    is_voided: Flag | None = column(
        {"voided": "assumed", "is_voided": "assumed", "void": "assumed"}, doc="Whether the card is void for this user"
    )
    email: Text | None = column({"email": "assumed", "mail": "assumed"}, doc="E-mail address", personal=True)
    phone: Text | None = column({"phone": "assumed"}, doc="Phone number", personal=True)
    first_name: Text | None = column(
        {"first_name": "assumed", "first_Name": "assumed", "firstname": "assumed"}, doc="First name", personal=True
    )
    last_name: Text | None = column(
        {"last_name": "assumed", "last_Name": "assumed", "lastname": "assumed"}, doc="Last name", personal=True
    )
    gender: Text | None = column({"gender": "assumed"}, doc="male, female or unknown", personal=True)
    birthday: Date | None = column(
        {"birthday": "assumed", "birth_date": "assumed", "birthdate": "assumed"}, doc="Date of birth", personal=True
    )
    address: Text | None = column({"address": "assumed"}, doc="Street and number", personal=True)
    zip: Text | None = column({"zip": "assumed"}, doc="Postal code", personal=True)
    city: Text | None = column({"city": "assumed"}, doc="City", personal=True)
    custom_field_1: Text | None = column({"custom_1": "assumed"}, doc="Custom field 1", personal=True)
    custom_field_2: Text | None = column({"custom_2": "assumed"}, doc="Custom field 2", personal=True)
    custom_field_3: Text | None = column({"custom_3": "assumed"}, doc="Custom field 3", personal=True)
    custom_field_4: Text | None = column({"custom_4": "assumed"}, doc="Custom field 4", personal=True)
    custom_field_5: Text | None = column({"custom_5": "assumed"}, doc="Custom field 5", personal=True)
    custom_field_6: Text | None = column({"custom_6": "assumed"}, doc="Custom field 6", personal=True)
    custom_field_7: Text | None = column({"custom_7": "assumed"}, doc="Custom field 7", personal=True)
    custom_field_8: Text | None = column({"custom_8": "assumed"}, doc="Custom field 8", personal=True)
