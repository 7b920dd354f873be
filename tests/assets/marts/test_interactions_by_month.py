"""marts.interactions_by_month."""

from datetime import date, datetime

import pytest

from tests.support.marts import READ_AT, Row, in_marts

JANUARY, FEBRUARY = datetime(2026, 1, 31, 23, 59, 59), datetime(2026, 2, 1)
FIGURES = "opened_sessions, sessions_used_unopened, loyalty_users, estimated_interactions"
QUERY = f"SELECT month, subaccount, {FIGURES} FROM marts.interactions_by_month ORDER BY ALL"


def test_a_session_is_one_interaction_of_the_month_of_its_opening_whatever_follows() -> None:
    sessions: list[Row] = [
        {"created_at": JANUARY, "opened_at": JANUARY, "claimed_at": FEBRUARY, "validated_at": FEBRUARY},
        {"created_at": JANUARY, "opened_at": FEBRUARY},
        {"created_at": JANUARY, "claimed_at": JANUARY, "validated_at": FEBRUARY},
        {"created_at": JANUARY},
        {"opened_at": JANUARY, "_deleted_at": READ_AT},
    ]
    assert in_marts(QUERY, coupon_sessions=sessions) == [
        (date(2026, 1, 1), None, 1, 1, 0, 2),
        (date(2026, 2, 1), None, 1, 0, 0, 1),
    ]


def test_interactions_are_counted_by_subaccount_where_the_list_of_campaigns_names_it() -> None:
    campaigns: list[Row] = [
        {"campaign_id": "cam_1", "_extra": '{"subaccount": "sub_1"}'},
        {"campaign_id": "cam_2"},
        {"campaign_id": "cam_3", "_extra": '{"subaccount": " "}'},
    ]
    sessions: list[Row] = [{"campaign_id": f"cam_{number}", "opened_at": JANUARY} for number in (1, 1, 2, 3)]
    assert in_marts(QUERY, campaigns=campaigns, coupon_sessions=sessions) == [
        (date(2026, 1, 1), "sub_1", 2, 0, 0, 2),
        (date(2026, 1, 1), None, 2, 0, 0, 2),
    ]


@pytest.mark.parametrize("value", ["[]", "{}", "false", '{"ID": null}', "[null]"])
def test_what_is_neither_a_text_nor_a_number_is_no_subaccount(value: str) -> None:
    campaigns: list[Row] = [
        {"campaign_id": "cam_1", "_extra": f'{{"subaccount": {value}}}'},
        {"campaign_id": "cam_2", "_extra": '{"subaccount": 7}'},
    ]
    sessions: list[Row] = [{"campaign_id": f"cam_{number}", "opened_at": JANUARY} for number in (1, 2)]
    assert in_marts(QUERY, campaigns=campaigns, coupon_sessions=sessions) == [
        (date(2026, 1, 1), "7", 1, 0, 0, 1),
        (date(2026, 1, 1), None, 1, 0, 0, 1),
    ]


def test_a_loyalty_user_who_received_points_or_stamps_counts_once_a_month() -> None:
    def change(user: int, moment: datetime, **columns: object) -> Row:
        key = {"loyalty_card_id": "7", "loyalty_user_id": str(user), "observed_at": moment, "last_observed_at": moment}
        return key | columns

    changes: list[Row] = [
        change(1, JANUARY, points_before=1, points_after=2),
        change(1, datetime(2026, 1, 2), stamps_before=1, stamps_after=2),
        change(1, FEBRUARY, points_before=2, points_after=3),
        change(2, JANUARY, points_before=5, points_after=1),
        change(3, JANUARY, points_before=None, points_after=1),
        change(4, JANUARY, is_voided_before=False, is_voided_after=True),
    ]
    assert in_marts(QUERY, loyalty_user_changes=changes) == [
        (date(2026, 1, 1), None, 0, 0, 2, 2),
        (date(2026, 2, 1), None, 0, 0, 1, 1),
    ]
