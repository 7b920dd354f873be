"""marts.session_expiry and marts.session_breakage."""

from datetime import date, datetime, timedelta

from tests.support.marts import READ_AT, Row, in_marts

TODAY = datetime(2026, 3, 31)


def expiring(days: int, **columns: object) -> Row:
    """A session that expires so many days after the last export, in the evening."""
    return {"expires_at_local": TODAY + timedelta(days=days, hours=20)} | columns


def test_open_sessions_are_counted_by_the_days_that_are_left() -> None:
    sessions: list[Row] = [
        *(expiring(days) for days in (0, 7, 8, 30, 31, 90, 91)),
        expiring(7, is_claimed=True),
        {"created_at": TODAY},
        expiring(-1),
        expiring(5, is_validated=True),
        expiring(5, validated_at=TODAY),
        expiring(5, is_voided=True),
        expiring(5, _deleted_at=READ_AT),
        expiring(400, campaign_id="cam_2"),
    ]
    query = "SELECT campaign_id, as_of_day, days_left, open_sessions, claimed FROM marts.session_expiry ORDER BY ALL"
    day = date(2026, 3, 31)
    assert in_marts(query, coupon_sessions=sessions) == [
        ("cam_1", day, "0-7", 3, 1),
        ("cam_1", day, "31-90", 2, 0),
        ("cam_1", day, "8-30", 2, 0),
        ("cam_1", day, "later", 1, 0),
        ("cam_1", day, "none", 1, 0),
        ("cam_2", day, "later", 1, 0),
    ]


def test_sessions_that_expired_unused_are_the_breakage_of_the_month() -> None:
    sessions: list[Row] = [
        expiring(-1),
        expiring(-2, is_claimed=True),
        expiring(-3, is_claimed=True, is_validated=True),
        expiring(-4, is_voided=True),
        expiring(-40, validated_at=TODAY, voided_at=TODAY),
        expiring(-1, _deleted_at=READ_AT),
        expiring(0),
        {"is_claimed": True},
    ]
    figures = "month, expired, claimed, validated, voided, unused, breakage_rate, validation_may_not_be_tracked"
    query = f"SELECT {figures} FROM marts.session_breakage ORDER BY month"
    assert in_marts(query, coupon_sessions=sessions) == [
        (date(2026, 2, 1), 1, 0, 1, 1, 0, 0.0, False),
        (date(2026, 3, 1), 4, 2, 1, 1, 2, 0.5, False),
    ]


def test_every_session_with_an_expiry_is_open_or_expired_or_used() -> None:
    sessions: list[Row] = [expiring(days, is_validated=days % 3 == 0) for days in range(-50, 50)]
    query = (
        "SELECT (SELECT sum(open_sessions) FROM marts.session_expiry), "
        "sum(expired), (SELECT count(*) FROM coupon_sessions WHERE is_validated AND expires_at_local >= '2026-03-31') "
        "FROM marts.session_breakage"
    )
    ((open_sessions, expired, used),) = in_marts(query, coupon_sessions=sessions)
    assert (open_sessions, expired, used) == (33, 50, 17)


def test_breakage_of_a_campaign_whose_own_codes_are_scanned_elsewhere_may_not_be_tracked() -> None:
    sessions: list[Row] = [expiring(-1, own_validation_code="a"), expiring(-1, campaign_id="cam_2")]
    query = "SELECT campaign_id, unused, validation_may_not_be_tracked FROM marts.session_breakage ORDER BY ALL"
    assert in_marts(query, coupon_sessions=sessions) == [("cam_1", 1, True), ("cam_2", 1, False)]
    sessions.append(expiring(5, is_validated=True))
    assert in_marts(query, coupon_sessions=sessions) == [("cam_1", 1, False), ("cam_2", 1, False)]
