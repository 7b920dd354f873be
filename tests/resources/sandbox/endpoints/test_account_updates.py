"""Loyalty, directories, subaccounts, messages, changed (API.md, sections 5.14, 5.15, 5.20, 5.25, 5.26, 6)."""

from datetime import timedelta
from typing import Any

import pytest

from resources.sandbox.account.account import Standing
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.account.record import decode_record
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from tests.resources.sandbox.api import NOW, Api, campaign
from tests.resources.sandbox.conftest import Serve


def recorded() -> HandmadeAccount:
    """Return an account with one of everything."""
    return HandmadeAccount(
        [campaign()],
        loyalty_cards=[{"ID": "12", "code": "ndoh57", "name": "A", "domain": "d", "type": "stamp"}],
        loyalty_users={"12": [{"ID": "7", "points": "1.50", "stamps": "3", "voided": "0"}]},
        directories=[{"ID": "dir_1", "name": "A"}],
        registrations={"dir_1": [{"ID": "reg_1", "registration_date_utc": "2026-01-01 00:00:00", "blocked": "0"}]},
        subaccounts=[{"ID": "sub_1", "email": "a@example.com", "status": "trial"}],
        sms_groups=[{"ID": "gro_1", "name": "G"}],
        teammates=[{"ID": "501"}],
    )


@pytest.fixture(params=[recorded, lambda: GeneratedAccount(seed=1, sessions=200)], ids=["recorded", "generated"])
def api(request: pytest.FixtureRequest, serve: Serve) -> Api:
    return serve(request.param())


@pytest.fixture
def card(api: Api) -> str:
    return str(api.call("loyalty/list")["loyaltycards"][0]["ID"])


@pytest.fixture
def directory(api: Api) -> str:
    return str(api.call("directory/list")["directories"][0]["ID"])


def members(api: Api, card: str) -> dict[str, dict[str, Any]]:
    return {user["ID"]: user for user in api.call("loyaltyusers/list", loyaltycard=card)["users"]}


def registered(api: Api, directory: str) -> list[dict[str, Any]]:
    users: list[dict[str, Any]] = api.call("directoryusers/list", directory=directory)["users"]
    return users


def send(api: Api, path: str, method: str = "POST", **body: Any) -> Any:
    response = api.v4(path, method, json=body)
    assert response.status_code == 200, response.text
    return response.json()


class TestLoyalty:
    def test_points_and_stamps_are_added_and_users_voided(self, api: Api, card: str) -> None:
        name, before = next(iter(members(api, card).items()))
        api.call("loyaltyusers/update", loyaltycard=card, user=name, points=5, stamps="2", voided=True)
        after = members(api, card)[name]
        assert float(after["points"]) == float(before["points"]) + 5
        assert int(after["stamps"]) == int(before["stamps"]) + 2
        root = f"loyalty/loyalty-cards/{card}/stats"
        assert name not in [str(row["id"]) for row in api.v4(root).json()]
        assert api.v4(f"{root}/{name}").json()["voided"] is True
        api.call("loyaltyusers/update", loyaltycard=card, user=name, voided="false")
        assert name in [str(row["id"]) for row in api.v4(root).json()]

    def test_a_created_user_has_no_card_until_it_is_linked(self, api: Api, card: str) -> None:
        person = {"email": "n@example.com", "password": "p", "first_Name": "Zoé", "birthday": "1990-01-02"}
        user = api.call("loyaltyusers/create", **person)["user"]
        assert user["ID"] not in members(api, card)
        assert "password" not in user
        api.call("loyaltyusers/link", loyaltycard=card, user=user["ID"])
        linked = members(api, card)[user["ID"]]
        assert (linked["first_name"], linked["points"], linked["birthday"]) == ("Zoé", "0", "1990-01-02")

    def test_v4_makes_users_one_by_one_and_in_bulk(self, api: Api, card: str) -> None:
        root = f"loyalty/loyalty-cards/{card}/stats"
        before = members(api, card)
        one = send(api, root, first_name="A", custom_8="x")
        two = send(api, f"{root}/bulk", users=[{"first_name": "B"}, {"email": "c@example.com"}])
        new = list(members(api, card).items())[len(before) :]
        assert [int(name) for name, _ in new] == [one["id"], *(row["id"] for row in two)]
        assert (one["points"], one["voided"], one["custom_8"]) == (0, False, "x")
        wrong = api.v4(f"{root}/bulk", "POST", json={"users": [{"first_name": "D"}, {"email": "nobody"}]})
        assert wrong.status_code == 422
        assert api.v4(f"{root}/bulk", "POST", json={"users": ["D"]}).status_code == 422
        assert len(members(api, card)) == len(before) + 3

    def test_v4_changes_users_and_adds_stamps(self, api: Api, card: str) -> None:
        name, before = next(iter(members(api, card).items()))
        path = f"loyalty/loyalty-cards/{card}/stats/{name}"
        assert send(api, path, city="Łódź")["city"] == "Łódź"
        assert send(api, f"{path}/stamp")["stamps"] == int(before["stamps"]) + 1
        assert send(api, f"{path}/stamp", amount=3)["stamps"] == int(before["stamps"]) + 4
        assert members(api, card)[name] == {**before, "city": "Łódź", "stamps": str(int(before["stamps"]) + 4)}

    def test_a_card_is_copied_without_its_users(self, api: Api, card: str) -> None:
        old = api.v4("loyalty/loyalty-cards").json()
        new = send(api, f"loyalty/loyalty-cards/{card}/copy", name="Copy")
        assert (new["name"], new["type"]) == ("Copy", old[0]["type"])
        assert api.v4("loyalty/loyalty-cards").json() == [*old, new]
        assert members(api, str(new["id"])) == {}
        assert api.v4(f"loyalty/loyalty-cards/{card}/copy", "POST", json={"name": "x" * 51}).status_code == 422

    def test_pushes_reach_a_user_or_all_of_a_card(self, api: Api, card: str) -> None:
        name = next(iter(members(api, card)))
        api.call("loyalty/pushnotification/single", loyaltycard=card, user=name, message="Hi")
        api.call("loyalty/pushnotification/all", loyaltycard=card, message="Hi all")
        body = api.post("loyalty/pushnotification/single", loyaltycard=card, user="1", message="Hi").json()
        assert body["errors"]["error_code"] == [505]


class TestDirectories:
    def test_the_payment_status_is_set(self, api: Api, directory: str) -> None:
        name = registered(api, directory)[0]["ID"]
        for status in ("paid", "unpaid"):
            api.call("directoryusers/update", directory=directory, user=name, payment_status=status)
            assert registered(api, directory)[0]["payment_status"] == status
        assert api.v4(f"directory/{directory}/users/{name}").json()["payment_status"] == "unpaid"

    def test_v4_registers_a_user_who_is_the_newest(self, api: Api, directory: str) -> None:
        new = send(api, f"directory/{directory}/users", email="n@example.com", birth_date="1990-01-02", custom_3="x")
        newest = registered(api, directory)[0]
        assert (newest["ID"], newest["registration_date_utc"]) == (new["id"], str(NOW))
        assert (newest["birthday"], newest["custom_3"], newest["blocked"]) == ("1990-01-02", "x", "0")

    def test_v4_blocks_gives_access_and_takes_it_back(self, api: Api, directory: str) -> None:
        path = f"directory/{directory}/users/{registered(api, directory)[0]['ID']}"
        assert send(api, path, block=True)["blocked"] is True
        assert registered(api, directory)[0]["blocked"] == "1"
        assert send(api, path, block="false")["blocked"] is False
        moment = "2027-01-31 12:00:00"
        assert send(api, f"{path}/access", expires_at=moment)["expires_at"] == moment
        assert registered(api, directory)[0]["expires_at"] == moment
        assert send(api, f"{path}/access", "DELETE")["expires_at"] == ""
        assert send(api, f"{path}/sso") != send(api, f"{path}/sso")

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("users", {}),
            ("users", {"email": "nobody"}),
            ("users", {"email": "a@example.com", "birth_date": "1990-02-30"}),
            ("users/{}/access", {"expires_at": "2027-01-31"}),
            ("users/{}", {"block": "perhaps"}),
        ],
    )
    def test_wrong_parameters_are_a_422_with_a_message(
        self, api: Api, directory: str, path: str, body: dict[str, str]
    ) -> None:
        name = registered(api, directory)[0]["ID"]
        response = api.v4(f"directory/{directory}/{path.format(name)}", "POST", json=body)
        assert (response.status_code, set(response.json())) == (422, {"message"})


class TestSubaccounts:
    def test_a_subaccount_is_created_and_changed(self, api: Api) -> None:
        before = api.v4("subaccount/list", "POST").json()["subaccount"]
        sent = {"email": "new@example.com", "country": "BE", "package": "pac_1", "expiry_date": "2027-01-31"}
        made = send(api, "subaccount/create", **sent)["subaccount"]
        assert made["status"] == "trial"
        assert sent.items() <= made.items()
        changed = send(api, "subaccount/update", subaccount=made["ID"], status="customer", email="new@example.com")
        assert changed["subaccount"] == {**made, "status": "customer"}
        assert api.v4("subaccount/list", "POST").json()["subaccount"] == [*before, changed["subaccount"]]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, 200),
            ({"email": "b@example.com", "expiry_date": "31-01-2027"}, 303),
            ({"email": None}, 304),
            ({"email": "nobody"}, 305),
            ({"email": "b@example.com", "status": "gold"}, 302),
            ({"email": "b@example.com", "package": "11"}, 301),
        ],
    )
    def test_wrong_subaccounts_are_refused_with_their_codes(self, api: Api, body: dict[str, Any], code: int) -> None:
        if "email" in body and body["email"] is None:
            body = {"email": api.v4("subaccount/list", "POST").json()["subaccount"][0]["email"]}
        assert api.codes(f"{api.server.url}/v4/subaccount/create", **body) == (422, [code])

    def test_signing_on_gives_another_token_every_time(self, api: Api) -> None:
        name = api.v4("subaccount/list", "POST").json()["subaccount"][0]["ID"]
        first = api.call("subaccount/sso", subaccount=name, page="statistics")["subaccount"]
        assert set(first) == {"ID", "token", "url", "url_whitelabel"}
        assert api.call("subaccount/sso", subaccount=name)["subaccount"]["token"] != first["token"]
        assert api.call("subaccount/reset/url", subaccount=name)["reset_url"].startswith("https://example.com/")
        assert api.call("account/sso")["account"]["token"]
        assert api.call("teammate/sso", teammate=501)["teammate"]["token"]

    @pytest.mark.parametrize(
        ("path", "parameters", "code"),
        [
            ("subaccount/sso", {}, 200),
            ("subaccount/sso", {"subaccount": "sub_9"}, 510),
            ("subaccount/sso", {"subaccount": "sub_9", "page": "home"}, 302),
            ("subaccount/reset/url", {"subaccount": "sub_9"}, 510),
            ("teammate/sso", {}, 200),
            ("teammate/sso", {"teammate": "Ann"}, 301),
            ("teammate/sso", {"teammate": "9"}, 503),
            ("teammate/sso", {"teammate": "501", "campaign": "cam_9"}, 502),
        ],
    )
    def test_signing_on_wrongly_gets_its_code(self, api: Api, path: str, parameters: dict[str, Any], code: int) -> None:
        assert api.codes(path, **parameters) == (422, [code])

    def test_updating_a_campaign_needs_a_campaign(self, api: Api) -> None:
        name = api.v4("subaccount/list", "POST").json()["subaccount"][0]["ID"]
        assert api.codes("subaccount/sso", subaccount=name, page="update_campaign") == (422, [200])


class TestMessages:
    def test_groups_and_contacts_are_added(self, api: Api) -> None:
        group = api.call("smstool/addgroup", group_name="New")["group"]
        assert group in api.call("smstool/grouplist")["group"]
        contact = {"phone": "+32470000000", "first_name": "Zoé", "customfield7": "x"}
        for _ in range(2):
            api.call("smstool/addcontact", smsgroup=group["ID"], **contact)
        (stored,) = api.call("smstool/userlist", smsgroup=group["ID"])["users"]
        assert contact.items() <= stored.items()

    def test_what_is_sent_stays_in_the_account(self, serve: Serve) -> None:
        account = recorded()
        api = serve(account)
        api.call("send/email", campaign="dir_1", email="a@example.com", subject="Hello")
        api.call("send/sms", campaign="cam_1", phone="+32470000000", text="Hi")
        sent = [decode_record(record) or {} for record in account.rows("messages", "", NOW)]
        assert [(message["kind"], message["to"]) for message in sent] == [
            ("email", "a@example.com"),
            ("sms", "+32470000000"),
        ]

    @pytest.mark.parametrize(
        ("path", "parameters", "code"),
        [
            ("smstool/addgroup", {}, 200),
            ("smstool/addcontact", {"smsgroup": "gro_9", "phone": "+32470000000"}, 514),
            ("smstool/addcontact", {"smsgroup": "gro_9", "phone": "0470"}, 301),
            ("smstool/addcontact", {"smsgroup": "gro_9", "phone": "+32470000000", "birthday": "1/2/90"}, 303),
            ("send/email", {"campaign": "cam_9"}, 200),
            ("send/email", {"campaign": "x", "email": "a@example.com"}, 301),
            ("send/email", {"campaign": "cam_9", "email": "nobody"}, 305),
            ("send/email", {"campaign": "cam_9", "email": "a@example.com"}, 502),
            ("send/email", {"campaign": "dir_9", "email": "a@example.com"}, 502),
            ("send/email", {"campaign": "cam_1", "email": "a@nowhere.invalid"}, 604),
            ("send/sms", {"campaign": "cam_9", "phone": "+32470000000"}, 502),
        ],
    )
    def test_sending_wrongly_gets_its_code(
        self, serve: Serve, path: str, parameters: dict[str, Any], code: int
    ) -> None:
        assert serve(recorded()).codes(path, **parameters) == (422, [code])

    def test_sending_needs_its_integration(self, serve: Serve) -> None:
        account = recorded()
        account.standing = Standing(has_sms=False, has_email=False)
        api = serve(account)
        assert [api.codes(path)[1] for path in ("send/sms", "smstool/addgroup", "send/email")] == [[103], [103], [104]]


def test_a_record_that_was_written_to_stands_still_and_the_others_go_on(serve: Serve) -> None:
    clock = Clock.frozen(NOW - timedelta(days=90))
    api = serve(GeneratedAccount(seed=1, sessions=2000), clock=clock)
    card = api.call("loyalty/list")["loyaltycards"][0]["ID"]
    name = list(members(api, card))[-1]
    api.call("loyaltyusers/update", loyaltycard=card, user=name, points=1000)
    before = members(api, card)
    clock.set(NOW)
    after = members(api, card)
    assert after[name] == before[name]
    assert set(before) < set(after)
    assert any(int(after[name]["points"]) > int(before[name]["points"]) for name in before)


def test_a_record_without_an_id_is_added_beside_the_others(serve: Serve) -> None:
    account = GeneratedAccount(sessions=100)
    amount = len(account.rows("categories", "", NOW))
    account.overlay.put(("categories", ""), {"name": "nameless"})
    assert len(serve(account).call("category/list")["categories"]) == amount + 1


def test_the_texts_of_documented_errors_are_as_documented(serve: Serve) -> None:
    api = serve(recorded())
    expected = {
        ("coupon/info", "campaign", "cam_9"): "Campaign ID not found",
        ("loyalty/info", "loyaltycard", "9"): "Loyalty card not found",
        ("loyaltyusers/list", "loyaltycard", "9"): "Loyalty card ID not found",
        ("directory/info", "directory", "dir_9"): "Directory ID not found",
        ("webhook/verification", "webhook", "evt_9"): "Webhook not found.",
        ("subaccount/sso", "subaccount", "sub_9"): "Subaccount ID not correct",
        ("teammate/sso", "teammate", "9"): "Teammate ID not found",
        ("smstool/userlist", "smsgroup", "gro_9"): "Group ID not found",
        ("coupon/list", "folder", "9"): "Folder not found",
        ("directory/info", "nothing", "x"): "Missing parameter: directory",
        ("directory/info", "directory", "x"): "Invalid character in parameter: directory",
    }
    for (path, name, value), text in expected.items():
        errors = api.post(path, **{name: value}).json()["status"]["errors"]
        assert errors["error_message_description"] == [text]
