"""coupon/list and coupon/info answer with the campaigns of the account (API.md, sections 5.1 and 5.2)."""

from datetime import datetime

import pytest

from resources.sandbox.account.account import Campaign
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from tests.resources.sandbox.api import Api, campaign
from tests.resources.sandbox.conftest import Serve

SEEN = ["ID", "code", "name", "title", "status", "url"]


@pytest.fixture
def tagged() -> HandmadeAccount:
    """Three campaigns: cam_1 tagged a, cam_2 tagged a and b, cam_3 (expired) untagged."""
    return HandmadeAccount(
        [
            Campaign(campaign("cam_1"), folder="7", category="cat_x", tags=frozenset({"a"})),
            Campaign(campaign("cam_2"), folder="8", category="cat_y", tags=frozenset({"a", "b"})),
            Campaign(campaign("cam_3", status="expired"), folder="8"),
        ]
    )


def listed(api: Api, **parameters: object) -> list[str]:
    return [row["ID"] for row in api.call("coupon/list", **parameters)["coupon_info"]]


def test_the_list_holds_all_campaigns_with_the_fields_that_were_seen(generated: Api) -> None:
    rows = generated.call("coupon/list")["coupon_info"]
    assert len(rows) == 40
    assert all(list(row) == SEEN for row in rows)
    assert len({row["ID"] for row in rows}) == len({row["code"] for row in rows}) == 40
    assert {row["status"] for row in rows} == {"active", "expired", "archived", "draft"}


def test_fields_only_hinted_at_can_be_added(serve: Serve) -> None:
    row = serve(GeneratedAccount(sessions=100), campaign_fields="hinted").call("coupon/list")["coupon_info"][0]
    assert list(row)[:6] == SEEN
    assert {"subtitle", "description", "type", "expirydate", "coupon_tags"} < set(row)


def test_only_active_leaves_ended_campaigns_out(serve: Serve, tagged: HandmadeAccount) -> None:
    api = serve(tagged)
    assert listed(api, only_active=True) == listed(api, only_active="1") == ["cam_1", "cam_2"]
    assert listed(api, only_active=False) == ["cam_1", "cam_2", "cam_3"]


def test_a_null_filter_means_none(serve: Serve, tagged: HandmadeAccount) -> None:
    assert len(listed(serve(tagged), tags=None, folder=None, category=None, only_active=None)) == 3


def test_folder_and_category_narrow_the_list(serve: Serve, tagged: HandmadeAccount) -> None:
    api = serve(tagged)
    assert listed(api, folder="8") == listed(api, folder=8) == ["cam_2", "cam_3"]
    assert listed(api, category="cat_y") == ["cam_2"]
    assert listed(api, category="cat_unknown") == []


def test_one_of_several_tags_is_enough(serve: Serve, tagged: HandmadeAccount) -> None:
    assert listed(serve(tagged), tags="b, a") == ["cam_1", "cam_2"]


def test_all_of_several_tags_can_be_needed(serve: Serve, tagged: HandmadeAccount) -> None:
    assert listed(serve(tagged, tags_match="all"), tags="b,a") == ["cam_2"]


def test_info_holds_one_campaign_as_an_object(generated: Api) -> None:
    row = generated.call("coupon/list")["coupon_info"][3]
    assert generated.call("coupon/info", campaign=row["ID"])["coupon_info"] == row


def test_info_adds_two_counters_when_asked_for_usage(generated: Api) -> None:
    ids = listed(generated)
    rows = [
        generated.call("coupon/info", campaign=campaign_id, show_usage_stats=True)["coupon_info"] for campaign_id in ids
    ]
    counters = [tuple(row[key] for key in row if key not in SEEN) for row in rows]
    assert all(len(pair) == 2 and pair[0] >= pair[1] for pair in counters)
    assert any(pair[1] > 0 for pair in counters)


def test_a_campaign_appears_when_launched_and_ends_with_the_clock(serve: Serve) -> None:
    clock = Clock.frozen(datetime(2024, 6, 1))
    api = serve(GeneratedAccount(seed=3, sessions=100), clock=clock)
    early = api.call("coupon/list")["coupon_info"]
    clock.set(datetime(2027, 1, 1))
    late = {row["ID"]: row["status"] for row in api.call("coupon/list")["coupon_info"]}
    assert 0 < len(early) < len(late) == 40
    assert {row["ID"] for row in early} < set(late)
    assert any(row["status"] == "active" and late[row["ID"]] != "active" for row in early)
