"""campaign/* pages and windows, couponsession/data, under each assumption (API.md, sections 5.3 and 5.4)."""

from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.account.matching import ALL_DATE_KEYS
from resources.sandbox.generated.account import GeneratedAccount
from tests.resources.sandbox.api import Api, campaign, session
from tests.resources.sandbox.conftest import Serve

PATHS = {
    "opens": "open_date_utc",
    "claims": "claim_date_utc",
    "validations": "validation_date_utc",
}
SEEN_STATUS = {
    "open_date_utc", "played_date_utc", "claim_date_utc", "validation_date_utc", "voided_date_utc", "locked",
    "claimtype", "validation_value", "value", "own_validation_code",
}  # fmt: skip


def largest(api: Api) -> str:
    ids: list[str] = [row["ID"] for row in api.call("coupon/list")["coupon_info"]]
    return max(ids, key=lambda campaign_id: int(api.call("campaign/data", campaign=campaign_id)["amount_of_results"]))


@pytest.fixture(scope="module")
def big(generated: Api) -> str:
    """The largest campaign of the generated account."""
    return largest(generated)


class TestPages:
    def test_pages_split_the_sessions_in_order(self, serve: Serve, five: HandmadeAccount) -> None:
        api = serve(five, session_page_size=2)
        pages = [api.ids("cam_1", page=page) for page in (1, 2, 3)]
        assert pages == [["s1", "s2"], ["s3", "s4"], ["s5"]]
        assert api.ids("cam_1") == api.ids("cam_1", page="1") == ["s1", "s2"]

    def test_newest_first_turns_the_order_round(self, serve: Serve, five: HandmadeAccount) -> None:
        api = serve(five, session_page_size=2, session_order="newest_first")
        assert [api.ids("cam_1", page=page) for page in (1, 3)] == [["s5", "s4"], ["s1"]]

    @pytest.mark.parametrize(("past_end", "ids"), [("empty", []), ("last_page", ["s5"]), ("first_page", ["s1", "s2"])])
    def test_a_page_past_the_end_is_empty_or_repeats(
        self, serve: Serve, five: HandmadeAccount, past_end: str, ids: list[str]
    ) -> None:
        api = serve(five, session_page_size=2, past_end=past_end)
        assert api.ids("cam_1", page=4) == api.ids("cam_1", page=99) == ids
        assert api.ids("cam_1", page=3) == ["s5"]

    def test_a_page_past_the_end_can_be_an_error(self, serve: Serve, five: HandmadeAccount) -> None:
        api = serve(five, session_page_size=5, past_end="error")
        assert len(api.ids("cam_1", page=1)) == 5
        assert api.codes("campaign/data", campaign="cam_1", page=2) == (422, [300])

    @pytest.mark.parametrize("past_end", ["empty", "error", "last_page", "first_page"])
    def test_the_first_page_of_an_empty_campaign_is_empty(self, serve: Serve, past_end: str) -> None:
        body = serve(HandmadeAccount([campaign()]), past_end=past_end).call("campaign/data", campaign="cam_1")
        assert body == {"status": {"status": "OK"}, "amount_of_results": 0, "data": []}

    def test_data_can_be_absent_when_there_is_none(self, serve: Serve) -> None:
        api = serve(HandmadeAccount([campaign()]), empty_data="absent")
        body = api.call("campaign/data", campaign="cam_1")
        assert body == {"status": {"status": "OK"}, "amount_of_results": 0}

    @pytest.mark.parametrize(
        ("meaning", "kind", "amount"),
        [("page", "integer", 1), ("total", "integer", 5), ("page", "string", "1"), ("total", "string", "5")],
    )
    def test_the_amount_counts_the_page_or_all(
        self, serve: Serve, five: HandmadeAccount, meaning: str, kind: str, amount: object
    ) -> None:
        api = serve(five, session_page_size=2, amount_meaning=meaning, amount_type=kind)
        assert api.call("campaign/data", campaign="cam_1", page=3)["amount_of_results"] == amount


class TestWindows:
    def test_both_ends_are_inclusive(self, serve: Serve, five: HandmadeAccount) -> None:
        api = serve(five)
        assert api.ids("cam_1", start_date="2026-01-02", end_date="2026-01-04") == ["s2", "s3", "s4"]
        assert api.ids("cam_1", start_date="2026-01-04") == ["s4", "s5"]
        assert api.ids("cam_1", end_date="2026-01-01") == ["s1"]
        assert api.ids("cam_1", start_date="2026-01-04", end_date="2026-01-02") == []

    def test_minutes_are_inclusive_under_both_spellings(self, serve: Serve, five: HandmadeAccount) -> None:
        api = serve(five)
        for minute in ("12:00", "12-00"):
            moment = f"2026-01-02 {minute}"
            assert api.ids("cam_1", start_date=moment, end_date=moment) == ["s2"]
        assert api.ids("cam_1", start_date="2026-01-02 12:01", end_date="2026-01-03 11:59") == []

    def test_a_form_body_and_null_dates_are_understood(self, serve: Serve, five: HandmadeAccount) -> None:
        api = serve(five)
        form = {"campaign": "cam_1", "page": "1", "start_date": "2026-01-05", "end_date": ""}
        assert [row["session"] for row in api.client.post("campaign/data", data=form).json()["data"]] == ["s5"]
        assert len(api.ids("cam_1", start_date=None, end_date=None)) == 5

    def test_an_end_day_can_mean_its_midnight(self, serve: Serve) -> None:
        midnight, later = session("a", "2026-01-04 00:00:00"), session("b", "2026-01-04 00:00:01")
        api = serve(HandmadeAccount([campaign()], {"cam_1": [midnight, later]}), end_date_means="midnight")
        assert api.ids("cam_1", end_date="2026-01-04") == ["a"]

    @pytest.mark.parametrize(("means", "ids"), [("whole_minute", ["a", "b"]), ("exact", ["a"])])
    def test_an_end_minute_is_whole_or_exact(self, serve: Serve, means: str, ids: list[str]) -> None:
        first, last = session("a", "2026-01-04 10:30:00"), session("b", "2026-01-04 10:30:59")
        api = serve(HandmadeAccount([campaign()], {"cam_1": [first, last]}), end_minute_means=means)
        assert api.ids("cam_1", end_date="2026-01-04 10:30") == ids

    def test_only_the_date_formats_assumed_are_accepted(self, serve: Serve, five: HandmadeAccount) -> None:
        api = serve(five, date_formats=("%Y-%m-%d", "%Y-%m-%d %H-%M"))
        assert api.ids("cam_1", end_date="2026-01-01 12-00") == ["s1"]
        assert api.codes("campaign/data", campaign="cam_1", end_date="2026-01-01 12:00") == (422, [303])

    @pytest.mark.parametrize(
        ("data_filter", "ids"),
        [("created", ["new"]), ("opened", ["opened"]), ("any_event", ["new", "opened", "voided"])],
    )
    def test_campaign_data_filters_the_date_assumed(self, serve: Serve, data_filter: str, ids: list[str]) -> None:
        records = [
            session("old", "2025-01-01 00:00:00", open="2025-01-01 00:00:00"),
            session("new", "2026-05-05 00:00:00"),
            session("opened", "2025-01-01 00:00:00", open="2026-05-05 10:00:00"),
            session("voided", "2025-01-01 00:00:00", open="2025-01-01 00:00:00", voided="2026-05-05 10:00:00"),
        ]
        api = serve(HandmadeAccount([campaign()], {"cam_1": records}), data_filter=data_filter)
        assert api.ids("cam_1", start_date="2026-05-05", end_date="2026-05-05") == ids

    @pytest.mark.parametrize("step", ["open", "claim", "validation"])
    @pytest.mark.parametrize(("event_filter", "ids"), [("own", ["late"]), ("created", ["new"])])
    def test_event_endpoints_filter_their_own_date_or_the_created_one(
        self, serve: Serve, step: str, event_filter: str, ids: list[str]
    ) -> None:
        records = [
            session("late", "2025-01-01 00:00:00", **{step: "2026-05-05 00:00:00"}),
            session("new", "2026-05-05 00:00:00", **{step: "2026-07-01 00:00:00"}),
            session("never", "2026-05-05 00:00:00", **{step: ""}),
        ]
        api = serve(HandmadeAccount([campaign()], {"cam_1": records}), event_filter=event_filter)
        assert api.ids("cam_1", f"campaign/{step}s", start_date="2026-05-05", end_date="2026-05-05") == ids
        assert api.ids("cam_1", f"campaign/{step}s") == ["late", "new"]


class TestGeneratedSessions:
    @pytest.mark.parametrize("data_filter", ["created", "opened", "any_event"])
    def test_windows_agree_with_the_dates_in_the_records(self, serve: Serve, data_filter: str) -> None:
        api = serve(GeneratedAccount(seed=2, sessions=2000, campaigns=8), data_filter=data_filter)
        campaign_id = largest(api)
        keys = {"created": ["created_date_utc"], "opened": ["open_date_utc"]}

        def inside(row: dict[str, Any]) -> bool:
            status = row["status"]
            names = keys.get(data_filter, [key for key in ALL_DATE_KEYS if key in status])
            return any("2026-02-01" <= status[name][:10] <= "2026-06-30" for name in names)

        expected = [row["session"] for row in api.sessions(campaign_id) if inside(row)]
        assert api.ids(campaign_id, start_date="2026-02-01", end_date="2026-06-30") == expected
        assert 0 < len(expected) < len(api.ids(campaign_id))

    @pytest.mark.parametrize(("kind", "key"), PATHS.items())
    def test_event_endpoints_hold_the_sessions_with_that_date(
        self, generated: Api, big: str, kind: str, key: str
    ) -> None:
        dates = {row["session"]: row["status"][key] for row in generated.sessions(big)}
        ids = generated.ids(big, f"campaign/{kind}")
        assert ids == [session_id for session_id, date in dates.items() if date]
        day = dates[ids[len(ids) // 2]][:10]
        of_day = generated.ids(big, f"campaign/{kind}", start_date=day, end_date=day)
        assert of_day == [session_id for session_id, date in dates.items() if date.startswith(day)]

    def test_pages_put_together_are_the_whole_in_either_order(self, serve: Serve, generated: Api, big: str) -> None:
        ids = generated.ids(big)
        account = GeneratedAccount(seed=1, sessions=3000)
        up = serve(account, session_page_size=100)
        pages = range(1, len(ids) // 100 + 2)
        assert [session_id for page in pages for session_id in up.ids(big, page=page)] == ids
        down = serve(account, session_page_size=5000, session_order="newest_first")
        assert down.ids(big) == ids[::-1]

    def test_records_can_be_cut_to_the_fields_that_were_seen(self, serve: Serve) -> None:
        api = serve(GeneratedAccount(seed=1, sessions=500, campaigns=4), row_fields="seen")
        row = api.sessions(largest(api))[0]
        assert set(row) == {"sequenceid", "session", "status"}
        assert set(row["status"]) == SEEN_STATUS

    def test_one_session_has_its_ids_at_top_level_and_the_rest_in_data(self, generated: Api, big: str) -> None:
        row = generated.sessions(big)[7]
        assert generated.call("couponsession/data", couponsession=row["session"]) == {
            "status": {"status": "OK"},
            "campaign": big,
            "action": "retrieve_all_session_data",
            "session": row["session"],
            "session_url": row["session_url"],
            "sequenceid": row["sequenceid"],
            "customid": row["customid"],
            "data": {"status": row["status"], "user": row["user"]},
        }

    def test_a_session_id_in_other_case_is_another_session(self, generated: Api, big: str) -> None:
        row = generated.sessions(big)[7]
        assert generated.codes("couponsession/data", couponsession=row["session"].swapcase())[1] == [505]
