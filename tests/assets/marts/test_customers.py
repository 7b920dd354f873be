"""marts.customers."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from pydantic import SecretStr

from assets.ingest.personal_data import Redactor
from assets.tables.coupon_sessions import CouponSession
from resources.settings import PersonalData
from resources.warehouse.suppression import NOBODY
from tests.support.marts import READ_AT, Row, in_marts


def validated(days_ago: int, **columns: object) -> Row:
    moment = READ_AT - timedelta(days=days_ago)
    return {"email": "ann@x.be", "created_at": moment, "validated_at": moment} | columns


def test_an_address_counts_before_a_number_and_one_person_is_one_row() -> None:
    sessions: list[Row] = [
        {"email": " ANN@x.be", "phone": "+32 470 11 22 33"},
        {"email": "ann@x.be"},
        {"phone": "0032 (0)470 11 22 33"},
        {"email": " "},
        {"created_at": READ_AT},
        {"email": "bo@x.be", "_deleted_at": READ_AT},
    ]
    users: list[Row] = [{"loyalty_card_id": "7", "loyalty_user_id": "1", "phone": "+32470112233", "points": 5}]
    query = "SELECT customer, sessions, loyalty_cards, points FROM marts.customers ORDER BY ALL"
    assert in_marts(query, coupon_sessions=sessions, loyalty_users=users) == [
        ("32470112233", 1, 1, Decimal(5)),
        ("ann@x.be", 2, 0, Decimal(0)),
    ]


def hashed(sessions: list[Row]) -> list[Row]:
    """Sessions as they are written where personal data is hashed."""
    policy = PersonalData(personal_data="hash", personal_data_key=SecretStr("k" * 16))
    redactor = Redactor.over(CouponSession, policy, NOBODY)
    assert redactor
    contacts = {"email": pl.String, "phone": pl.String}
    return redactor.redact_rows(pl.DataFrame(sessions, contacts | {"_extra": pl.String})).to_dicts()


@pytest.mark.parametrize("policy", ["keep", "hash"])
def test_a_text_that_is_neither_an_address_nor_a_number_is_nobody(policy: str) -> None:
    six: list[Row] = [{"email": "N/A" if n % 2 else "n/a ", "phone": f"+3247011223{n}"} for n in range(6)]
    ann: list[Row] = [{"email": "Ann@x.be", "phone": "-"}, {"email": "ann@x.be"}, {"email": "Ann <ann@x.be>"}]
    nobody: list[Row] = [{"email": "unknown", "phone": "0"}, {"phone": "+"}, {"email": "@"}, {"phone": "12 34 56"}]
    sessions = [*six, *ann, *nobody]
    query = "SELECT sessions, count(*), count(DISTINCT customer) FROM marts.customers GROUP BY sessions ORDER BY ALL"
    written = hashed(sessions) if policy == "hash" else sessions
    assert in_marts(query, coupon_sessions=written) == [(1, 7, 7), (2, 1, 1)]


def test_recency_frequency_and_money_are_of_validations() -> None:
    sessions: list[Row] = [
        validated(20, validation_value="2.50"),
        validated(9, validation_value="4.00"),
        validated(12),
        {"email": "ann@x.be", "created_at": READ_AT, "validation_value": 99},
        {"email": "bo@x.be"},
        {"email": "cy@x.be", "is_validated": True, "validation_value": "7.25"},
    ]
    figures = "validated, last_validated_at, days_since_validation, validated_with_money, money_spent"
    query = f"SELECT {figures} FROM marts.customers ORDER BY customer"
    assert in_marts(query, coupon_sessions=sessions) == [
        (3, datetime(2026, 3, 22, 12), 9, 2, Decimal("6.5")),
        (0, None, None, 0, None),
        (1, None, None, 1, Decimal("7.25")),
    ]


def test_the_first_and_the_last_campaign_are_those_of_the_first_and_the_last_session() -> None:
    sessions: list[Row] = [
        validated(days, campaign_id=name) for days, name in ((5, "cam_2"), (50, "cam_9"), (1, "cam_3"))
    ]
    query = "SELECT first_campaign_id, last_campaign_id FROM marts.customers"
    assert in_marts(query, coupon_sessions=sessions) == [("cam_9", "cam_3")]
    of_one_second: list[Row] = [
        validated(1, campaign_id=f"cam_{number}", sequence_id=number) for number in (2, 1, -(2**63), 2**63 - 1)
    ]
    assert in_marts(query, coupon_sessions=of_one_second) == [(f"cam_{-(2**63)}", f"cam_{2**63 - 1}")]
    for alike in itertools.permutations(validated(1, campaign_id=name) for name in ("cam_2", "cam_10", "cam_9")):
        assert in_marts(query, coupon_sessions=alike) == [("cam_10", "cam_9")]


def test_first_and_last_seen_are_of_sessions_and_registrations() -> None:
    registered = [
        {
            "directory_id": str(day),
            "registration_id": str(day),
            "email": "ann@x.be",
            "registered_at": datetime(2026, 1, day),
        }
        for day in (2, 8)
    ]
    ann: list[Row] = [{"email": "ann@x.be", "created_at": datetime(2026, 1, day, 12, 30, 59)} for day in (3, 5)]
    ever: list[Row] = [
        {"email": "ever@x.be", "created_at": moment, "sequence_id": number}
        for moment in (datetime(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59), datetime(9999, 12, 31, 23, 59, 59))
        for number in (None, -(2**63), 2**63 - 1)
    ]
    undated: list[Row] = [{"phone": "+32470112233", "campaign_id": "cam_7"}]
    users: list[Row] = [{"loyalty_card_id": "7", "loyalty_user_id": "1", "phone": "+32470445566"}]
    tables = {"coupon_sessions": [*ann, *ever, *undated], "directory_registrations": registered, "loyalty_users": users}
    query = "SELECT customer, first_seen_at, last_seen_at FROM marts.customers ORDER BY customer"
    assert in_marts(query, **tables) == [
        ("32470112233", None, None),
        ("32470445566", None, None),
        ("ann@x.be", datetime(2026, 1, 2), datetime(2026, 1, 8)),
        ("ever@x.be", datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)),
    ]
    assert in_marts(query, coupon_sessions=ann) == [
        ("ann@x.be", datetime(2026, 1, 3, 12, 30, 59), datetime(2026, 1, 5, 12, 30, 59))
    ]


@pytest.mark.parametrize(
    ("days_ago", "validations", "scores", "segment"),
    [
        (0, 1, (3, 1), "beginner"),
        (30, 3, (3, 1), "beginner"),
        (30, 4, (3, 2), "growing"),
        (30, 8, (3, 3), "champion"),
        (31, 3, (2, 1), "doubtful"),
        (60, 7, (2, 2), "borderline"),
        (60, 8, (2, 3), "loyal"),
        (61, 1, (1, 1), "sleeping"),
        (61, 4, (1, 2), "at risk"),
        (400, 20, (1, 3), "needs attention"),
    ],
)
def test_the_grid_of_recency_and_frequency_names_the_segment(
    days_ago: int, validations: int, scores: tuple[int, int], segment: str
) -> None:
    sessions: list[Row] = [validated(days_ago)] * validations
    query = "SELECT recency_score, frequency_score, segment FROM marts.customers"
    assert in_marts(query, coupon_sessions=sessions) == [(*scores, segment)]


def test_whoever_has_validated_nothing_is_in_no_segment() -> None:
    query = "SELECT recency_score, frequency_score, segment FROM marts.customers"
    assert in_marts(query, coupon_sessions=[{"email": "ann@x.be", "is_claimed": True}]) == [(None, None, None)]
