"""marts.locations."""

from datetime import date, datetime
from decimal import Decimal

from tests.support.marts import READ_AT, Row, in_marts

JANUARY, FEBRUARY = datetime(2026, 1, 31, 23, 59), datetime(2026, 2, 1)
SHOP: Row = {
    "redeem_location_id": "7",
    "redeem_location_company": "Shop",
    "redeem_location_city": "Ghent",
}
NAMED: Row = {"redeem_location_company": "Bar", "redeem_location_city": "Aalst"}


def test_a_location_has_its_validations_people_and_money_of_each_month() -> None:
    sessions: list[Row] = [
        SHOP | {"validated_at": JANUARY, "email": "ann@x.be", "validation_value": "10.25"},
        SHOP | {"validated_at": JANUARY, "email": " ANN@x.be", "phone": "1", "campaign_id": "cam_2"},
        SHOP | {"validated_at": JANUARY, "phone": "+32 470 11 22 33", "validation_value": "1.75", "is_voided": True},
        SHOP | {"validated_at": JANUARY},
        SHOP | {"validated_at": FEBRUARY, "email": "ann@x.be"},
        SHOP | {"validated_at": FEBRUARY, "_deleted_at": READ_AT},
        SHOP | {"is_claimed": True},
    ]
    figures = "validations, voided, validations_with_person, people, validations_with_money, money_share, money_spent"
    query = f"SELECT location_id, company, city, month, {figures} FROM marts.locations ORDER BY month"
    assert in_marts(query, coupon_sessions=sessions) == [
        ("7", "Shop", "Ghent", date(2026, 1, 1), 4, 1, 3, 2, 2, 0.5, Decimal(12)),
        ("7", "Shop", "Ghent", date(2026, 2, 1), 1, 0, 1, 1, 0, 0.0, None),
    ]


def test_a_location_without_an_id_is_its_company_and_city() -> None:
    sessions: list[Row] = [
        NAMED | {"validated_at": JANUARY},
        NAMED | {"validated_at": JANUARY},
        NAMED | {"validated_at": JANUARY, "redeem_location_city": "Mons"},
        SHOP | {"validated_at": JANUARY},
        SHOP | {"validated_at": JANUARY, "redeem_location_company": "A name before"},
        {"is_validated": True},
    ]
    query = "SELECT location_id, company, city, month, validations FROM marts.locations ORDER BY ALL"
    assert in_marts(query, coupon_sessions=sessions) == [
        ("7", "Shop", "Ghent", date(2026, 1, 1), 2),
        (None, "Bar", "Aalst", date(2026, 1, 1), 2),
        (None, "Bar", "Mons", date(2026, 1, 1), 1),
        (None, None, None, None, 1),
    ]
