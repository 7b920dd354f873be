"""Events of any form become rows without loss."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.tables.webhook_events import WebhookEvent
from assets.webhooks.rows import make_rows
from resources.webhooks.event import InvalidEventError, read_event

HINTED = {
    "id": "evt_AbCdEf0123456789xyzA",
    "type": "coupon_validated",
    "datetime": "2026-01-31 09:57:57",
    "campaign": "cam_1010508",
    "coupon": {"id": "c1", "campaign": "cam_1010508", "tags": ["a"]},
    "session": "kkfiznr8Yp8630h82es8d",
    "customid": "",
    "customer": {"email": "ann@example.com", "customid": "A7", "age": 1.50},
    "status": {"validated": "1"},
}


def row(event: object) -> dict[str, Any]:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return make_rows([read_event(body)]).row(0, named=True)


def test_what_is_hinted_at_has_columns_and_all_else_is_kept() -> None:
    made = row(HINTED)
    assert {name: made[name] for name in ("event_id", "kind", "campaign_id", "session_id", "happened_at")} == {
        "event_id": "evt_AbCdEf0123456789xyzA",
        "kind": "coupon_validated",
        "campaign_id": "cam_1010508",
        "session_id": "kkfiznr8Yp8630h82es8d",
        "happened_at": datetime(2026, 1, 31, 9, 57, 57),
    }
    assert (made["email"], made["custom_id"], made["verified"]) == ("ann@example.com", "A7", None)
    assert json.loads(made["_extra"]) == {
        "coupon": HINTED["coupon"],
        "customer": {"age": 1.5},
        "status": {"validated": "1"},
    }
    assert '"age":1.5' in made["_extra"]


@pytest.mark.parametrize(
    ("fields", "column", "value"),
    [
        ({"coupon": {"campaign": "cam_7"}}, "campaign_id", "cam_7"),
        ({"coupon": "spring"}, "campaign_id", None),
        ({"campaign": {"ID": "cam_7"}}, "campaign_id", None),
        ({"campaign": 7}, "campaign_id", "7"),
        ({"datetime": "2026-01-31T09:57:57+02:00"}, "happened_at", datetime(2026, 1, 31, 7, 57, 57)),
        ({"datetime": 1769853477, "date": "2026-01-31 09:57:57"}, "happened_at", datetime(2026, 1, 31, 9, 57, 57)),
        ({"datetime": "tomorrow"}, "happened_at", None),
        ({"customer": "ann@example.com"}, "email", None),
        ({"type": ["coupon_validated"]}, "kind", None),
        ({"id": "evt_2"}, "event_id", "evt_2"),
        ({"id": "x" * 3_000}, "kind", None),
    ],
)
def test_a_value_that_is_not_of_its_column_stays_in_extra(
    fields: dict[str, object], column: str, value: object
) -> None:
    made = row(fields)
    assert made[column] == value
    if value is None:
        assert json.loads(made["_extra"]) == fields


def test_an_event_without_an_id_is_known_by_its_body() -> None:
    first, again, other = (row({"type": kind}) for kind in ("a", "a", "b"))
    assert first["event_id"] == again["event_id"] != other["event_id"]
    assert row({"id": ""})["event_id"].startswith("body_")


names = st.sampled_from(
    ["id", "type", "datetime", "campaign", "coupon", "session", "customer", "email", "customid", "x"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=3), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=20)
@given(st.lists(st.dictionaries(names | st.text(max_size=5), values, max_size=8), min_size=1, max_size=10))
@example([{"id": "\ud800", "customer": {"email": "\udc00"}}])
@example([{"id": 10**5000}])
@example([{"customer": {}}, {"customer": {"email": []}}, {"customer": None}])
def test_any_json_object_is_one_row_of_the_table_and_no_name_is_lost(events: list[dict[str, Any]]) -> None:
    try:
        read = [read_event(json.dumps(event).encode()) for event in events]
    except (InvalidEventError, ValueError):  # numbers of thousands of digits
        return
    rows = make_rows(read)
    assert rows.schema == WebhookEvent.schema_of_frames()
    assert len(rows) == len(events)
    assert rows["event_id"].null_count() == 0
    columns = {"id", "type", "campaign", "session", "datetime", "date", "customid", "customer"}
    for event, made in zip(events, rows.iter_rows(named=True), strict=True):
        kept = json.loads(made["_extra"] or "{}")
        assert {name for name in event if name < "\ud800" or name > "\udfff"} - columns <= kept.keys()


def test_a_name_that_is_there_twice_loses_no_value() -> None:
    made = row(b'{"id":"evt_1","x":1,"x":2,"customer":{"email":"a@example.com","email":"b@example.com"}}')
    assert made["email"] == "b@example.com"
    assert json.loads(made["_extra"]) == {
        "x": 2,
        "repeated.x": [1],
        "customer": {"repeated.email": ["a@example.com"]},
    }
