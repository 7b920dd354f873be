"""Loyalty cards and their users, in v3 and v4 spelling (API.md, sections 5.10 to 5.13, 6.2)."""

from datetime import timedelta
from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from tests.resources.sandbox.api import NOW, Api
from tests.resources.sandbox.conftest import Serve

USER = {
    "ID": "7", "first_name": "Zoé", "last_name": "D'A", "email": "zoe@example.com", "phone": "+32470",
    "birthday": "1990-01-02", "points": "120", "stamps": "3", "voided": "0",
}  # fmt: skip
VOIDED = {"ID": "8", "first_name": "Bo", "points": "1.50", "voided": "1"}


@pytest.fixture
def account() -> HandmadeAccount:
    """One card, 12, with a user, a voided one, and one that is no JSON."""
    cards = [{"ID": "12", "name": "A"}, {"ID": "13", "name": "B", "status": "archived"}]
    return HandmadeAccount(loyalty_cards=cards, loyalty_users={"12": [USER, VOIDED, b'{"ID": 9,']})


def members(api: Api, card: str) -> dict[str, dict[str, Any]]:
    return {user["ID"]: user for user in api.call("loyaltyusers/list", loyaltycard=card)["users"]}


def cards(api: Api, **parameters: object) -> list[str]:
    return [card["ID"] for card in api.call("loyalty/list", **parameters)["loyaltycards"]]


def test_cards_are_listed_in_order_of_creation_or_reversed(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    assert cards(api) == cards(api, sorting="asc") == ["12", "13"]
    assert cards(api, sorting="desc") == ["13", "12"]
    assert cards(api, only_active=True) == ["12"]


def test_one_card_is_an_object_or_an_array_of_one(serve: Serve, account: HandmadeAccount) -> None:
    card = {"ID": "12", "name": "A"}
    assert serve(account).call("loyalty/info", loyaltycard="12")["loyaltycard"] == card
    assert serve(account, single_as="array").call("loyalty/info", loyaltycard=12)["loyaltycard"] == [card]


def test_handmade_users_are_served_verbatim(serve: Serve, account: HandmadeAccount) -> None:
    body = serve(account).post("loyaltyusers/list", loyaltycard="12").content
    assert body.endswith(b'"voided":"1"},{"ID": 9,]}')


def test_users_are_found_by_a_part_of_name_phone_mail_or_id(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    account.put_record("loyalty_users", {"ID": "1234", "email": "ann_smith@example.com"}, "12")
    for text, ids in {"ZOE": ["7"], "D-A": [], "3247": ["7"], "_SMITH@exam": ["1234"], "1234": ["1234"]}.items():
        users = api.call("loyaltyusers/search", loyaltycard="12", search=text)["users"]
        assert [user["ID"] for user in users] == ids


def test_v4_users_have_numbers_booleans_and_other_names(serve: Serve, account: HandmadeAccount) -> None:
    account.remove_record("loyalty_users", "8", "12")
    account.set_records("loyalty_users", [USER], "12")
    user = serve(account).v4("loyalty/loyalty-cards/12/stats/7").json()
    assert user == {
        "id": 7, "first_name": "Zoé", "last_name": "D'A", "email": "zoe@example.com", "phone": "+32470",
        "birth_date": "1990-01-02", "points": 120, "stamps": 3, "voided": False,
    }  # fmt: skip
    account.put_record("loyalty_users", {"ID": "x", "points": "many", "stamps": 4, "voided": None}, "12")
    assert serve(account).v4("loyalty/loyalty-cards/12/stats").json() == [
        user,
        {"id": "x", "points": "many", "stamps": 4, "voided": None},
    ]


@pytest.mark.parametrize(("include", "ids"), [("true", [7, 8]), ("1", [7, 8]), ("false", [7]), (None, [7])])
def test_v4_hides_voided_users_unless_they_are_asked_for(
    serve: Serve, account: HandmadeAccount, include: str | None, ids: list[int]
) -> None:
    account.set_records("loyalty_users", [USER, VOIDED], "12")
    params = {} if include is None else {"include_voided": include}
    users = serve(account).v4("loyalty/loyalty-cards/12/stats", params=params).json()
    assert [user["id"] for user in users] == ids


@pytest.mark.parametrize("sent", [{"filter[first_name]": "Zoé"}, {"filter": '{"first_name": "Zoé"}'}])
def test_v4_filters_by_equal_fields(serve: Serve, account: HandmadeAccount, sent: dict[str, str]) -> None:
    account.set_records("loyalty_users", [USER, {"ID": "9", "first_name": "Zo"}], "12")
    assert [user["id"] for user in serve(account).v4("loyalty/loyalty-cards/12/stats", params=sent).json()] == [7]


def test_v4_pages_only_if_pages_are_assumed(serve: Serve) -> None:
    users = [{"ID": str(number)} for number in range(1, 6)]
    account = HandmadeAccount(loyalty_cards=[{"ID": "12"}], loyalty_users={"12": users})
    path = "loyalty/loyalty-cards/12/stats"
    unpaged, paged = serve(account), serve(account, v4_loyalty_page_size=2)
    assert len(unpaged.v4(path, params={"pagination[page]": "9"}).json()) == 5
    for sent in ("pagination[page]", "pagination"):
        pages = [
            paged.v4(path, params={sent: f'{{"page": {page}}}' if sent == "pagination" else str(page)}).json()
            for page in (1, 2, 3, 4)
        ]
        assert [[user["id"] for user in page] for page in pages] == [[1, 2], [3, 4], [5], []]
    assert paged.v4(path, params={"pagination[page]": "0"}).status_code == 422


def test_v3_and_v4_show_the_same_generated_people(generated: Api) -> None:
    shown = generated.v4("loyalty/loyalty-cards").json()
    assert [str(card["id"]) for card in shown] == cards(generated)
    assert {card["type"] for card in shown} == {"membership", "stamp"}
    for card in cards(generated):
        path = f"loyalty/loyalty-cards/{card}/stats"
        users = members(generated, card)
        everyone = generated.v4(path, params={"include_voided": "true"}).json()
        assert [str(user["id"]) for user in everyone] == list(users)
        assert [str(user["points"]) for user in everyone] == [user["points"] for user in users.values()]
        visible = {str(user["id"]) for user in generated.v4(path).json()}
        assert visible == {name for name, user in users.items() if user["voided"] == "0"} < set(users)


def test_people_join_and_points_grow_as_time_passes(serve: Serve) -> None:
    clock = Clock.frozen(NOW - timedelta(days=60))
    api = serve(GeneratedAccount(seed=1, sessions=2000), clock=clock)
    card = cards(api)[0]
    before = members(api, card)
    clock.set(NOW)
    after = members(api, card)
    assert set(before) < set(after)
    changes = [int(after[name]["points"]) - int(user["points"]) for name, user in before.items()]
    assert sum(change > 0 for change in changes) > 10
    assert members(serve(GeneratedAccount(seed=1, sessions=2000)), card) == after


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        ("loyalty/list", {"sorting": "up"}, 302),
        ("loyalty/info", {}, 200),
        ("loyalty/info", {"loyaltycard": "99"}, 507),
        ("loyaltyusers/list", {"loyaltycard": "a b"}, 301),
        ("loyaltyusers/list", {"loyaltycard": "99"}, 505),
        ("loyaltyusers/search", {"loyaltycard": "12"}, 200),
        ("loyaltyusers/search", {"loyaltycard": "12", "search": "ab"}, 300),
        ("loyaltyusers/search", {"loyaltycard": "12", "search": "a.b"}, 301),
    ],
)
def test_wrong_calls_get_their_codes(
    serve: Serve, account: HandmadeAccount, path: str, parameters: dict[str, Any], code: int
) -> None:
    assert serve(account).codes(path, **parameters) == (422, [code])


@pytest.mark.parametrize("path", ["99/stats", "99/stats/7", "12/stats/99"])
def test_unknown_ids_in_v4_are_a_404_with_a_message(serve: Serve, account: HandmadeAccount, path: str) -> None:
    response = serve(account).v4(f"loyalty/loyalty-cards/{path}")
    assert response.status_code == 404
    assert set(response.json()) == {"message"}


def test_lists_can_be_absent_when_they_are_empty(serve: Serve) -> None:
    account = HandmadeAccount(loyalty_cards=[{"ID": "12"}])
    assert serve(account).call("loyaltyusers/list", loyaltycard="12")["users"] == []
    assert "users" not in serve(account, empty_data="absent").call("loyaltyusers/list", loyaltycard="12")
    assert serve(account, empty_data="absent").v4("loyalty/loyalty-cards/12/stats").json() == []
