"""marts.session_events."""

from datetime import datetime, timedelta

from tests.support.marts import READ_AT, Row, in_marts

START = datetime(2026, 1, 5)
STEPS: dict[str, str] = {
    "created_at": "created",
    "opened_at": "opened",
    "played_at": "played",
    "claimed_at": "claimed",
    "saved_to_apple_wallet_at": "saved to Apple wallet",
    "saved_to_google_wallet_at": "saved to Google wallet",
    "validated_at": "validated",
    "voided_at": "voided",
    "unvoided_at": "unvoided",
    "unlocked_at": "unlocked",
}


def test_every_step_with_a_date_is_an_event() -> None:
    dates: Row = {column: START + timedelta(hours=hour) for hour, column in enumerate(STEPS)}
    sessions: list[Row] = [dates, {"is_opened": True}, dates | {"_deleted_at": READ_AT}]
    query = "SELECT session_id, campaign_id, event, happened_at FROM marts.session_events ORDER BY happened_at"
    assert in_marts(query, coupon_sessions=sessions) == [
        ("s0", "cam_1", event, START + timedelta(hours=hour)) for hour, event in enumerate(STEPS.values())
    ]
