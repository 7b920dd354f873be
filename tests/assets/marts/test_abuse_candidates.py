"""marts.abuse_candidates."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from tests.support.marts import READ_AT, Row, in_marts

START = datetime(2026, 1, 5, 10)
QUERY = (
    "SELECT rule, campaign_id, customer, location, events, of_events, share FROM marts.abuse_candidates ORDER BY ALL"
)


def validated(number: int, seconds: int = 3_600, **columns: object) -> dict[str, Any]:
    created = START + timedelta(hours=number)
    return {"created_at": created, "validated_at": created + timedelta(seconds=seconds)} | columns


def test_more_than_five_validations_of_one_person_in_a_campaign_are_looked_at() -> None:
    ann = [validated(n, email="ann@x.be" if n % 2 else "ANN@x.be ") for n in range(6)]
    bo = [validated(n, email="bo@x.be") for n in range(5)]
    cy = [validated(n, email="cy@x.be", campaign_id=f"cam_{n % 2 + 1}") for n in range(6)]
    deleted = [validated(n, email="bo@x.be", _deleted_at=READ_AT) for n in range(3)]
    nobody = [validated(n) for n in range(9)]
    different = [validated(n, email="n/a", phone=f"+3247011223{n}") for n in range(7)]
    sessions = [*ann, *bo, *cy, *deleted, *nobody, *different]
    assert in_marts(QUERY, coupon_sessions=sessions) == [
        ("many validations of one person", "cam_1", "ann@x.be", None, 6, 30, 6 / 30)
    ]


def test_five_validations_within_ten_seconds_of_creation_at_a_location_are_looked_at() -> None:
    at_once = [validated(n, 10, redeem_location_company="Shop", redeem_location_city="Ghent") for n in range(5)]
    later = [validated(n, 11, redeem_location_company="Shop", redeem_location_city="Ghent") for n in range(3)]
    before = [validated(n, -1, redeem_location_id="9") for n in range(5)]
    few = [validated(n, 1, redeem_location_id="8") for n in range(4)]
    cities = [validated(n, 1, redeem_location_city=city) for n in range(3) for city in ("Ghent", "Liège")]
    sessions = [*at_once, *later, *before, *few, *cities]
    assert in_marts(QUERY, coupon_sessions=sessions) == [
        ("validated at once", "cam_1", None, "Shop, Ghent", 5, 8, 5 / 8)
    ]


def test_a_location_with_more_than_half_of_a_campaign_is_looked_at() -> None:
    def at(location: str, count: int, campaign_id: str = "cam_1") -> list[dict[str, Any]]:
        return [validated(n, redeem_location_id=location, campaign_id=campaign_id) for n in range(count)]

    most = [*at("1", 26), *at("2", 24)]
    half = [*at("1", 25, campaign_id="cam_2"), *at("2", 25, campaign_id="cam_2")]
    few = [*at("1", 40, campaign_id="cam_3"), *at("2", 9, campaign_id="cam_3")]
    only_one = at("1", 60, campaign_id="cam_4")
    sessions = [*most, *half, *few, *only_one]
    assert in_marts(QUERY, coupon_sessions=sessions) == [
        ("most validations at one location", "cam_1", None, "1", 26, 50, 0.52)
    ]


def test_a_session_that_was_void_and_is_not_any_more_is_looked_at() -> None:
    def change(session: str, hours: int, before: bool | None, after: bool | None) -> Row:
        moment = START + timedelta(hours=hours)
        flags = {"is_voided_before": before, "is_voided_after": after}
        return {"session_id": session, "observed_at": moment, "last_observed_at": START} | flags

    changes = [
        change("taken back", 1, None, True),
        change("taken back", 3, True, False),
        change("only void", 1, False, True),
        change("only void", 2, True, True),
        change("deleted", 1, False, True),
        change("deleted", 2, True, None),
    ]
    sessions: list[Row] = [{"session_id": "taken back"}, {"session_id": "only void"}]
    sessions.append({"session_id": "deleted", "_deleted_at": READ_AT})
    columns = "rule, campaign_id, session_id, events, of_events, first_at, last_at"
    query = f"SELECT {columns} FROM marts.abuse_candidates"
    assert in_marts(query, coupon_sessions=sessions, coupon_session_changes=changes) == [
        ("voided and taken back", "cam_1", "taken back", 2, None, datetime(2026, 1, 5, 11), datetime(2026, 1, 5, 13))
    ]


def test_a_void_state_that_the_api_shows_by_its_date_alone_counts_like_one_with_a_flag() -> None:
    states = [None, START, None, START]
    changes: list[Row] = [
        {
            "session_id": "by date",
            "observed_at": START + timedelta(hours=hours),
            "last_observed_at": START,
            "voided_at_before": before,
            "voided_at_after": after,
        }
        for hours, (before, after) in enumerate(itertools.pairwise(states))
    ]
    query = "SELECT rule, session_id, events FROM marts.abuse_candidates"
    assert in_marts(query, coupon_sessions=[{"session_id": "by date"}], coupon_session_changes=changes) == [
        ("voided and taken back", "by date", 3)
    ]


def test_a_session_claimed_without_being_opened_is_no_candidate() -> None:
    sessions: list[Row] = [{"is_opened": False, "is_claimed": True, "claimed_at": START, "email": "ann@x.be"}] * 20
    assert in_marts(QUERY, coupon_sessions=sessions) == []


def test_the_first_and_last_of_the_events_are_those_that_the_rule_counts() -> None:
    sessions = [validated(n, 5 if n < 5 else 60, redeem_location_id="1") for n in range(9)]
    query = "SELECT first_at, last_at FROM marts.abuse_candidates"
    assert in_marts(query, coupon_sessions=sessions) == [
        (datetime(2026, 1, 5, 10, 0, 5), datetime(2026, 1, 5, 14, 0, 5))
    ]
