"""marts.code_pool."""

from datetime import datetime

from tests.support.marts import READ_AT, Row, in_marts

CREATED = datetime(2026, 1, 5)


def test_codes_are_issued_and_left_where_the_statistics_have_them_and_counted_in_sessions_everywhere() -> None:
    campaigns: list[Row] = [
        {"campaign_id": "cam_1", "name": "Known", "custom_codes": 200, "custom_codes_claimed": 150},
        {"campaign_id": "cam_2", "name": "Unknown"},
        {"campaign_id": "cam_3", "name": "Without", "custom_codes": 0},
        {"campaign_id": "cam_4", "name": "Unused", "custom_codes": 10, "custom_codes_claimed": 0},
        {"campaign_id": "cam_5", "name": "Deleted", "custom_codes": 10, "_deleted_at": READ_AT},
        {"campaign_id": "cam_6", "name": "Deleted and unused", "custom_codes": 10, "_deleted_at": READ_AT},
    ]
    code: Row = {"created_at": CREATED, "own_validation_code": "a"}
    sessions: list[Row] = [
        code | {"is_claimed": True, "is_validated": True},
        code | {"created_at": datetime(2026, 1, 4)},
        code | {"_deleted_at": READ_AT},
        {"created_at": datetime(2026, 2, 1)},
        code | {"campaign_id": "cam_2"},
        {"campaign_id": "cam_3"},
        code | {"campaign_id": "cam_5"},
    ]
    figures = "codes, codes_issued, codes_left, left_rate, sessions_with_code, claimed_with_code, validated_with_code"
    query = f"SELECT campaign_name, {figures}, last_created_at FROM marts.code_pool ORDER BY campaign_id"
    assert in_marts(query, campaigns=campaigns, coupon_sessions=sessions) == [
        ("Known", 200, 150, 50, 0.25, 2, 1, 1, CREATED),
        ("Unknown", None, None, None, None, 1, 0, 0, CREATED),
        ("Unused", 10, 0, 10, 1.0, 0, 0, 0, None),
        ("Deleted", None, None, None, None, 1, 0, 0, CREATED),
    ]
