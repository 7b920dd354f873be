"""marts.channels."""

from datetime import datetime
from decimal import Decimal

from tests.support.marts import READ_AT, Row, in_marts

CREATED = datetime(2026, 1, 5)
POST: Row = {"utm_source": "post", "utm_medium": "print", "utm_campaign": "spring", "created_at": CREATED}
SESSIONS: list[Row] = [
    POST | {"is_opened": True, "is_claimed": True, "is_validated": True, "validation_value": 20},
    POST | {"is_opened": True, "is_claimed": True, "campaign_id": "cam_2"},
    POST | {"utm_medium": None, "is_opened": True},
    POST | {"_deleted_at": READ_AT},
    {"created_at": CREATED, "is_voided": True},
]


def test_the_funnel_is_counted_by_source_medium_and_campaign_of_utm() -> None:
    figures = "utm_source, utm_medium, utm_campaign, created, created_share, opened, claimed, validated, voided"
    query = f"SELECT {figures} FROM marts.channels ORDER BY created DESC, utm_source NULLS LAST"
    assert in_marts(query, coupon_sessions=SESSIONS) == [
        ("post", "print", "spring", 2, 0.5, 2, 2, 1, 0),
        ("post", None, "spring", 1, 0.25, 1, 0, 0, 0),
        (None, None, None, 1, 0.25, 0, 0, 0, 1),
    ]


def test_each_channel_has_its_rates_and_its_money() -> None:
    figures = "validated_rate, validated_of_opened_rate, validated_of_claimed_rate, money_share, money_spent"
    query = f"SELECT {figures} FROM marts.channels ORDER BY created DESC, utm_source NULLS LAST"
    assert in_marts(query, coupon_sessions=SESSIONS) == [
        (0.5, 0.5, 0.5, 1.0, Decimal(20)),
        (0.0, 0.0, None, None, None),
        (0.0, None, None, None, None),
    ]
