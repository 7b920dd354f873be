"""Directories, their campaigns and registered users, in v3 and v4 spelling (API.md, sections 5.16 to 5.19, 6.1)."""

from datetime import timedelta
from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from tests.resources.sandbox.api import NOW, Api, campaign
from tests.resources.sandbox.conftest import Serve

PAYMENT = {"currency": "USD", "amount": "10.00", "type": "basic", "description": "d"}
PAID = {"ID": "dir_1", "code": "kkfiznr8Yp8630h82es8d", "name": "A", "payment": PAYMENT}
FREE = {"ID": "dir_2", "code": "c", "name": "B"}
TYPES = {"basic", "recurring_daily", "recurring_weekly", "recurring_monthly", "recurring_yearly"}


def registration(number: int) -> dict[str, object]:
    return {
        "ID": f"reg_{number}",
        "registration_date_utc": f"2026-01-{number:02} 10:00:00",
        "birthday": "1990-01-02",
        "blocked": "1",
    }


@pytest.fixture
def account() -> HandmadeAccount:
    """A directory with payment and five registrations, and a free one."""
    return HandmadeAccount(
        directories=[PAID, FREE],
        registrations={"dir_1": [registration(number) for number in range(1, 6)]},
        directory_campaigns={"dir_1": [campaign("cam_7")]},
    )


def users(api: Api, directory: str, **parameters: object) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.call("directoryusers/list", directory=directory, **parameters)["users"]
    return rows


def ids(api: Api, directory: str, **parameters: object) -> list[str]:
    return [user["ID"] for user in users(api, directory, **parameters)]


def everyone(api: Api, directory: str) -> dict[str, dict[str, Any]]:
    pages = [users(api, directory, page=1)]
    while len(pages[-1]) == 100:
        pages.append(users(api, directory, page=len(pages) + 1))
    return {user["ID"]: user for page in pages for user in page}


def test_the_list_leaves_payments_to_the_info(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    assert api.call("directory/list")["directories"] == [
        {name: PAID[name] for name in ("ID", "code", "name")},
        FREE,
    ]
    assert api.call("directory/info", directory="dir_1")["directory"] == PAID


@pytest.mark.parametrize(("form", "payment"), [("null", None), ("empty_object", {}), ("empty_array", [])])
def test_a_free_directory_can_have_an_empty_payment(
    serve: Serve, account: HandmadeAccount, form: str, payment: object
) -> None:
    assert serve(account).call("directory/info", directory="dir_2")["directory"] == FREE
    api = serve(account, free_payment=form, single_as="array")
    assert api.call("directory/info", directory="dir_2")["directory"] == [{**FREE, "payment": payment}]
    assert api.v4("directory/dir_2").json()["payment"] == payment


def test_campaigns_of_a_directory_are_listed(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    assert api.call("directory/campaigns", directory="dir_1")["campaigns"] == [campaign("cam_7")]
    assert api.call("directory/campaigns", directory="dir_2")["campaigns"] == []


def test_users_come_newest_first_in_pages(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account, registration_page_size=2)
    assert [ids(api, "dir_1", page=page) for page in (1, 2, 3, 4)] == [
        ["reg_5", "reg_4"],
        ["reg_3", "reg_2"],
        ["reg_1"],
        [],
    ]
    account.put_record("registrations", registration(6), "dir_1")
    assert ids(api, "dir_1") == ["reg_6", "reg_5"]
    account.remove_record("registrations", "reg_6", "dir_1")
    assert ids(api, "dir_1") == ["reg_5", "reg_4"]


def test_a_page_past_the_end_can_be_an_error(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account, registration_page_size=5, past_end="error")
    assert api.codes("directoryusers/list", directory="dir_1", page=2) == (422, [300])


def test_records_without_a_readable_date_are_met_first(serve: Serve, account: HandmadeAccount) -> None:
    account.put_record("registrations", b'{"ID": "reg_9"', "dir_1")
    body = serve(account, registration_page_size=1).post("directoryusers/list", directory="dir_1").content
    assert body.endswith(b'"users":[{"ID": "reg_9"]}')


def test_v4_directories_have_an_id_and_a_name(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account)
    assert api.v4("directory").json() == [{"id": "dir_1", "name": "A"}, {"id": "dir_2", "name": "B"}]
    assert api.v4("directory/dir_1").json() == {"id": "dir_1", "code": PAID["code"], "name": "A", "payment": PAYMENT}


def test_v4_ids_can_be_integers(serve: Serve, account: HandmadeAccount) -> None:
    api = serve(account, v4_directory_ids="integer")
    assert [directory["id"] for directory in api.v4("directory").json()] == [1, 2]
    assert api.v4("directory/1").json()["id"] == 1
    assert len(api.v4("directory/1/users").json()) == 5
    assert api.v4("directory/dir_1").status_code == 404


@pytest.mark.parametrize(
    ("form", "created"),
    [
        ("space", "2026-01-05 10:00:00"),
        ("iso_z", "2026-01-05T10:00:00Z"),
        ("iso_offset", "2026-01-05T10:00:00+00:00"),
    ],
)
def test_v4_users_have_other_names_and_types(serve: Serve, account: HandmadeAccount, form: str, created: str) -> None:
    api = serve(account, created_at_format=form)
    user = {"id": "reg_5", "created_at": created, "birth_date": "1990-01-02", "blocked": True}
    assert api.v4("directory/dir_1/users").json()[0] == user
    assert api.v4("directory/dir_1/users/reg_5").json() == user


def test_v4_users_come_in_pages_only_if_it_is_assumed(serve: Serve, account: HandmadeAccount) -> None:
    path = "directory/dir_1/users"
    assert len(serve(account).v4(path, params={"page": "2"}).json()) == 5
    paged = serve(account, v4_registration_page_size=3)
    assert [len(paged.v4(path, params={"page": str(page)}).json()) for page in (1, 2, 3)] == [3, 2, 0]
    assert paged.v4(path, params={"page": "two"}).status_code == 422


def test_generated_directories_have_all_kinds_of_payment(generated: Api) -> None:
    directories = [
        generated.call("directory/info", directory=directory["ID"])["directory"]
        for directory in generated.call("directory/list")["directories"]
    ]
    assert {directory["payment"]["type"] for directory in directories if "payment" in directory} == TYPES
    assert any("payment" not in directory for directory in directories)
    known = {row["ID"]: row for row in generated.call("coupon/list")["coupon_info"]}
    for directory in directories:
        shown = generated.call("directory/campaigns", directory=directory["ID"])["campaigns"]
        assert 0 < len(shown) < len(known)
        assert all(known[row["ID"]] == row for row in shown)


def test_v3_and_v4_show_the_same_generated_people(generated: Api) -> None:
    for directory in generated.call("directory/list")["directories"]:
        v3, v4 = everyone(generated, directory["ID"]), generated.v4(f"directory/{directory['ID']}/users").json()
        assert [user["id"] for user in v4] == list(v3)
        dates = [user["created_at"] for user in v4]
        assert dates == sorted(dates, reverse=True)
        assert dates[0] <= str(NOW)
        is_free = "payment" not in generated.call("directory/info", directory=directory["ID"])["directory"]
        assert {user["payment_status"] for user in v4} == ({""} if is_free else {"paid", "unpaid"})


def test_people_register_are_blocked_and_are_deleted_as_time_passes(serve: Serve) -> None:
    clock = Clock.frozen(NOW - timedelta(days=300))
    api = serve(GeneratedAccount(seed=1, sessions=4000), clock=clock)
    directory = api.call("directory/list")["directories"][1]["ID"]
    before = everyone(api, directory)
    clock.set(NOW)
    after = everyone(api, directory)
    assert set(after) - set(before)
    assert set(before) - set(after)
    assert any(after[name]["blocked"] > user["blocked"] for name, user in before.items() if name in after)
    assert any(after[name]["expires_at"] > user["expires_at"] for name, user in before.items() if name in after)
    assert everyone(serve(GeneratedAccount(seed=1, sessions=4000)), directory) == after


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        ("directory/info", {}, 200),
        ("directory/info", {"directory": "dir_x"}, 301),
        ("directory/info", {"directory": "dir_9"}, 507),
        ("directory/campaigns", {"directory": "dir_9"}, 507),
        ("directoryusers/list", {"directory": "1"}, 301),
        ("directoryusers/list", {"directory": "dir_9"}, 507),
        ("directoryusers/list", {"directory": "dir_1", "page": "-1"}, 301),
    ],
)
def test_wrong_calls_get_their_codes(
    serve: Serve, account: HandmadeAccount, path: str, parameters: dict[str, Any], code: int
) -> None:
    assert serve(account).codes(path, **parameters) == (422, [code])


@pytest.mark.parametrize("path", ["dir_9", "1", "dir_9/users", "dir_9/users/reg_1", "dir_1/users/reg_9"])
def test_unknown_ids_in_v4_are_a_404_with_a_message(serve: Serve, account: HandmadeAccount, path: str) -> None:
    response = serve(account).v4(f"directory/{path}")
    assert response.status_code == 404
    assert set(response.json()) == {"message"}
