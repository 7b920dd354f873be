"""Subaccounts, categories, address books, webhooks, searches, and what holds for a whole account."""

from typing import Any

import pytest

from resources.sandbox.account.account import Standing
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from tests.resources.sandbox.api import Api, campaign, session
from tests.resources.sandbox.conftest import Serve

SUBACCOUNT = {"ID": "sub_1", "email": "a@example.com", "company_name": "A"}
GROUP = {"ID": "gro_1", "name": "G"}


@pytest.fixture
def account() -> HandmadeAccount:
    """One of everything."""
    record = session("ac6s7u3g8a25ja7x9qg87", validation="2026-01-02 00:00:00") | {"user": {"phone": "+3247"}}
    return HandmadeAccount(
        [campaign()],
        {"cam_1": [record, session("s2")]},
        categories=[{"ID": "cat_1", "name": "C"}],
        main_categories=[{"ID": "cat_2", "name": "M"}],
        subaccounts=[SUBACCOUNT],
        sms_groups=[GROUP],
        sms_contacts={"gro_1": [{"phone": "+3247", "first_name": "Zoé"}]},
        email_groups=[GROUP],
    )


def test_categories_of_both_kinds_are_listed(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    assert api.call("category/list")["categories"] == [{"ID": "cat_1", "name": "C"}]
    assert api.call("category/main/list")["categories"] == [{"ID": "cat_2", "name": "M"}]


def test_generated_campaigns_are_in_listed_categories(serve: Serve) -> None:
    api = serve(GeneratedAccount(sessions=100))
    categories = [row["ID"] for row in api.call("category/list")["categories"]]
    sizes = [len(api.call("coupon/list", category=category)["coupon_info"]) for category in categories]
    assert all(sizes)
    assert sum(sizes) == 40


def test_subaccounts_come_in_the_v3_envelope(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    ok = {"status": {"status": "OK"}}
    assert api.v4("subaccount/list", "POST").json() == ok | {"subaccount": [SUBACCOUNT]}
    assert api.v4("subaccount", "POST", json={"subaccount": "sub_1"}).json() == ok | {"subaccount": SUBACCOUNT}
    assert api.codes(f"{api.server.url}/v4/subaccount", subaccount="sub_9") == (422, [510])


def test_subaccounts_can_come_bare(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account, subaccount_envelope="bare")
    assert api.v4("subaccount/list", "POST").json() == [SUBACCOUNT]
    assert api.v4("subaccount", "POST", json={"subaccount": "sub_1"}).json() == SUBACCOUNT
    assert api.v4("subaccount", "POST", json={"subaccount": "sub_9"}).status_code == 404


def test_generated_subaccounts_are_trials_and_customers(generated: Api) -> None:
    subaccounts = generated.v4("subaccount/list", "POST").json()["subaccount"]
    assert {row["status"] for row in subaccounts} == {"trial", "customer"}
    assert len({row["ID"] for row in subaccounts}) == len(subaccounts) > 4


def test_groups_come_with_their_number(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    for path in ("smstool/grouplist", "emailtool/grouplist"):
        assert api.call(path) == {"status": {"status": "OK"}, "amount_of_groups": 1, "group": [GROUP]}
    body = api.call("smstool/userlist", smsgroup="gro_1")
    assert (body["group_id"], body["users"]) == ("gro_1", [{"phone": "+3247", "first_name": "Zoé"}])
    assert api.codes("smstool/userlist", smsgroup="gro_9") == (422, [514])


def test_sessions_are_found_in_the_account_or_in_a_campaign(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    for path, parameters in {"couponsession/search": {}, "campaign/search": {"campaign": "cam_1"}}.items():
        rows = api.call(path, search="+3247", **parameters)["data"]
        assert [(row["campaign"], row["session"]) for row in rows] == [("cam_1", "ac6s7u3g8a25ja7x9qg87")]
        assert api.call(path, search="nobody", **parameters)["amount_of_results"] == 0
    account.put_campaign(campaign("cam_2"))
    assert api.call("campaign/search", search="+3247", campaign="cam_2")["data"] == []


def test_generated_sessions_are_found_by_mail_phone_and_code(generated: Api) -> None:
    rows = [
        row for campaign in generated.call("coupon/list")["coupon_info"] for row in generated.sessions(campaign["ID"])
    ]
    for group, key in (("user", "email"), ("user", "phone"), ("status", "own_validation_code")):
        text = next(row[group][key] for row in rows if row[group][key])
        expected = {row["session"] for row in rows if row[group][key] == text}
        matches = generated.call("couponsession/search", search=text)["data"]
        assert {row["session"] for row in matches} == expected


def test_a_validated_session_has_a_webhook_event(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    event = "evt_ac6s7u3g8a25ja7x9qg8"
    assert api.call("webhook/verification", webhook=event) == {
        "status": {"status": "OK"},
        "result": "valid",
        "webhook": event,
        "date": "2026-01-02 00:00:00",
        "campaign": "cam_1",
        "session": "ac6s7u3g8a25ja7x9qg87",
        "type": "coupon_validated",
    }
    assert api.codes("webhook/verification", webhook=event, session="s2") == (422, [509])
    assert api.codes("webhook/verification", webhook="evt_s2") == (422, [509])


@pytest.mark.parametrize(
    ("standing", "code", "paths"),
    [
        (Standing(expired=True), 101, ["v3/coupon/list", "v3/category/list", "v4/subaccount/list"]),
        (Standing(is_subaccount=True), 102, ["v4/subaccount/list", "v4/subaccount"]),
        (Standing(has_sms=False), 103, ["v3/smstool/grouplist", "v3/smstool/userlist"]),
        (Standing(has_email=False), 104, ["v3/emailtool/grouplist"]),
    ],
)
@pytest.mark.parametrize("kind", [GeneratedAccount, HandmadeAccount])
def test_what_an_account_may_not_do_fails_at_once(
    serve: Serve, standing: Standing, code: int, paths: list[str], kind: Any
) -> None:
    account = kind()
    api = serve(account)
    assert api.post("category/list").status_code == 200
    account.standing = standing
    for path in paths:
        assert api.codes(f"{api.server.url}/{path}") == (422, [code])
    account.standing = Standing()
    assert api.post("category/list").status_code == 200


def test_an_expired_account_reads_nothing_from_v4_either(serve: Serve, account: HandmadeAccount) -> None:
    account.standing = Standing(expired=True)
    response = serve(account).v4("directory")
    assert (response.status_code, response.json()["status"]["errors"]["error_code"]) == (422, [101])


@pytest.mark.parametrize("path", ["directory", "directory/dir_1/users", "loyalty/loyalty-cards"])
def test_wrong_keys_are_a_401_with_a_message_in_v4(generated: Api, path: str) -> None:
    response = generated.anonymous.get(f"{generated.server.url}/v4/{path}")
    assert response.status_code == 401
    assert set(response.json()) == {"message"}


def test_both_pairs_of_headers_are_accepted_in_v4(generated: Api) -> None:
    keys = {"x-api-key": "sandbox-client", "x-api-secret": "sandbox-secret"}
    for sent in (keys, dict(generated.client.headers)):
        assert generated.anonymous.get(f"{generated.server.url}/v4/directory", headers=sent).status_code == 200


def test_extra_fields_of_a_campaign_are_in_its_info(serve: Serve, account: HandmadeAccount) -> None:
    account.put_campaign({**campaign(), "redirect_url": "https://example.com", "limits": {"a": 1}})
    row = serve(account).call("coupon/info", campaign="cam_1")["coupon_info"]
    assert (row["redirect_url"], row["limits"]) == ("https://example.com", {"a": 1})


def test_lists_can_be_absent_and_single_things_arrays(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(HandmadeAccount(), empty_data="absent")
    for path in ("coupon/list", "loyalty/list", "directory/list", "category/list", "couponsession/search"):
        body = api.call(path, search="x")
        assert not [value for value in body.values() if isinstance(value, list)]
    assert "subaccount" not in api.v4("subaccount/list", "POST").json()
    api = serve(account, single_as="array")
    assert api.call("coupon/info", campaign="cam_1")["coupon_info"] == [campaign()]
    assert len(api.call("couponsession/data", couponsession="s2")["data"]) == 1


def test_removing_a_record_that_is_not_there_is_an_error(account: HandmadeAccount) -> None:
    with pytest.raises(KeyError, match="sub_9"):
        account.remove_record("subaccounts", "sub_9")
