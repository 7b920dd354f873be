"""A hand-made account is served verbatim, and changes between requests."""

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.account.record import Record
from tests.resources.sandbox.api import campaign, session
from tests.resources.sandbox.conftest import Serve


def test_records_are_served_verbatim_with_odd_and_missing_keys(serve: Serve) -> None:
    records: list[Record] = [
        {"session": "x", "surprise": {"deep": [1, None, "é"]}, "status": None},
        {"sequenceid": 12, "status": {"locked": 1, "open_date_utc": None}},
        {},
    ]
    api = serve(HandmadeAccount([campaign()], {"cam_1": records}))
    assert api.sessions("cam_1") == records


def test_encoded_records_are_served_byte_for_byte(serve: Serve) -> None:
    raw = b'{"session": "x",  "value": 1e400, "session": "y"}'
    api = serve(HandmadeAccount([campaign()], {"cam_1": [raw, b"{not json"]}))
    body = api.post("campaign/data", campaign="cam_1").content
    assert body.endswith(b'"data":[' + raw + b",{not json]}")


def test_records_that_cannot_be_understood_are_in_every_window(serve: Serve) -> None:
    records: list[Record] = [session("bad", "yesterday", claim="soon"), b"{not json", {"session": "bare"}]
    api = serve(HandmadeAccount([campaign()], {"cam_1": records}))
    for path in ("campaign/data", "campaign/claims"):
        body = api.post(path, campaign="cam_1", start_date="2026-01-01", end_date="2026-01-02").content
        assert b'"bad"' in body
        assert b"{not json" in body
        assert b'"bare"' in body


def test_a_record_without_creation_date_counts_by_its_earliest_date(serve: Serve) -> None:
    record = {"session": "x", "status": {"open_date_utc": "2026-02-02 00:00:00", "claim_date_utc": ""}}
    api = serve(HandmadeAccount([campaign()], {"cam_1": [record]}))
    assert api.ids("cam_1", start_date="2026-02-02", end_date="2026-02-02") == ["x"]
    assert api.ids("cam_1", start_date="2026-02-03") == []


def test_zero_dates_mean_never(serve: Serve) -> None:
    api = serve(HandmadeAccount([campaign()], {"cam_1": [session("x", claim="0000-00-00 00:00:00")]}))
    assert api.ids("cam_1", "campaign/claims") == []


def test_sessions_can_be_added_replaced_and_removed_between_requests(serve: Serve, five: HandmadeAccount) -> None:
    api = serve(five)
    five.add_sessions("cam_1", session("s6"), session("s7"))
    five.remove_session("s1")
    five.replace_session("s2", {"session": "s2", "new": True})
    assert api.ids("cam_1") == ["s2", "s3", "s4", "s5", "s6", "s7"]
    assert api.sessions("cam_1")[0] == {"session": "s2", "new": True}
    five.set_sessions("cam_1", [])
    assert api.ids("cam_1") == []


def test_changing_a_session_that_is_not_there_is_an_error(five: HandmadeAccount) -> None:
    with pytest.raises(KeyError, match="s9"):
        five.remove_session("s9")
    with pytest.raises(KeyError, match="S1"):
        five.replace_session("S1", {})


def test_campaigns_can_be_added_replaced_and_removed_between_requests(serve: Serve, five: HandmadeAccount) -> None:
    api = serve(five)
    five.put_campaign(campaign("cam_2"))
    five.put_campaign({**campaign("cam_1", status="expired"), "extra": 1})
    rows = api.call("coupon/list")["coupon_info"]
    assert [(row["ID"], row["status"]) for row in rows] == [("cam_1", "expired"), ("cam_2", "active")]
    assert rows[0]["extra"] == 1
    five.remove_campaign("cam_1")
    assert api.codes("campaign/data", campaign="cam_1") == (422, [502])
    assert api.codes("couponsession/data", couponsession="s1") == (422, [505])


def test_one_session_and_its_code_count_can_be_asked_for(serve: Serve) -> None:
    record = {"session": "s1", "customid": "c", "status": {"own_validation_code": "V1"}, "extra": 1}
    api = serve(HandmadeAccount([campaign()], {"cam_1": [record, b"broken", session("s2")]}))
    body = api.call("couponsession/data", couponsession="s1")
    assert (body["campaign"], body["session"], body["customid"]) == ("cam_1", "s1", "c")
    assert body["data"] == {"status": {"own_validation_code": "V1"}, "extra": 1}
    row = api.call("coupon/info", campaign="cam_1", show_usage_stats="true")["coupon_info"]
    assert (row["total_custom_validation_codes"], row["claimed_custom_validation_codes"]) == (1, 1)
