"""marts.campaign_funnel and marts.campaign_funnel_by_day."""

from datetime import date, datetime
from decimal import Decimal

from tests.support.marts import READ_AT, Row, in_marts

MONDAY, TUESDAY = datetime(2026, 1, 5, 10), datetime(2026, 1, 6, 10)
SESSIONS: list[Row] = [
    {"created_at": MONDAY},
    {"created_at": MONDAY, "is_opened": True, "is_saved_to_apple_wallet": True},
    {"created_at": MONDAY, "opened_at": MONDAY, "claimed_at": MONDAY, "saved_to_google_wallet_at": MONDAY},
    {
        "created_at": TUESDAY,
        "opened_at": TUESDAY,
        "is_claimed": True,
        "validated_at": TUESDAY,
        "validation_value": "12.50",
        "is_voided": True,
    },
    {"created_at": TUESDAY, "is_validated": True},
    {"created_at": TUESDAY, "is_validated": True, "_deleted_at": READ_AT},
]


def test_three_rates_say_of_what_they_are() -> None:
    rates = "created, opened, claimed, validated, validated_rate, validated_of_opened_rate, validated_of_claimed_rate"
    assert in_marts(f"SELECT {rates} FROM marts.campaign_funnel", coupon_sessions=SESSIONS) == [
        (5, 3, 2, 2, 2 / 5, 2 / 3, 2 / 2)
    ]


def test_sessions_in_either_wallet_count_as_saved() -> None:
    query = "SELECT saved_to_wallet, saved_to_wallet_rate FROM marts.campaign_funnel"
    assert in_marts(query, coupon_sessions=SESSIONS) == [(2, 2 / 5)]


def test_money_stands_beside_the_share_of_validations_that_have_one_and_no_void_is_netted() -> None:
    query = "SELECT voided, validated_with_money, money_share, money_spent FROM marts.campaign_funnel"
    assert in_marts(query, coupon_sessions=SESSIONS) == [(1, 1, 1 / 2, Decimal("12.5"))]


def test_money_of_no_validation_is_unknown_and_not_zero() -> None:
    query = "SELECT validated_with_money, money_share, money_spent FROM marts.campaign_funnel"
    assert in_marts(query, coupon_sessions=[{"is_opened": True}]) == [(0, None, None)]


def test_the_days_of_creation_have_the_same_figures() -> None:
    figures = "day, created, opened, validated, saved_to_wallet, validated_of_opened_rate, money_share, money_spent"
    query = f"SELECT {figures} FROM marts.campaign_funnel_by_day ORDER BY day"
    assert in_marts(query, coupon_sessions=SESSIONS) == [
        (date(2026, 1, 5), 3, 2, 0, 2, 0.0, None, None),
        (date(2026, 1, 6), 2, 1, 2, 0, 2.0, 0.5, Decimal("12.5")),
    ]


def test_a_campaign_with_own_codes_and_no_validation_may_not_be_tracked() -> None:
    sessions: list[Row] = [
        {"campaign_id": "cam_1", "created_at": MONDAY, "own_validation_code": "a"},
        {"campaign_id": "cam_1", "created_at": TUESDAY},
        {"campaign_id": "cam_2", "created_at": MONDAY, "own_validation_code": "b"},
        {"campaign_id": "cam_2", "created_at": TUESDAY, "is_validated": True},
        {"campaign_id": "cam_3", "created_at": MONDAY},
        {"campaign_id": "cam_4", "created_at": MONDAY},
    ]
    campaigns: list[Row] = [{"campaign_id": "cam_4", "custom_codes": 100}]
    columns = "campaign_id, bool_and(validation_may_not_be_tracked), bool_or(validation_may_not_be_tracked)"
    expected = [("cam_1", True), ("cam_2", False), ("cam_3", False), ("cam_4", True)]
    for view in ("campaign_funnel", "campaign_funnel_by_day"):
        query = f"SELECT {columns} FROM marts.{view} GROUP BY ALL ORDER BY ALL"
        rows = in_marts(query, coupon_sessions=sessions, campaigns=campaigns)
        assert rows == [(campaign, flag, flag) for campaign, flag in expected]
