"""Keys are accepted in headers and bodies, and refused in the documented shape (API.md, section 2)."""

from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from tests.resources.sandbox.api import Api
from tests.resources.sandbox.conftest import Serve

KEYS = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
WAYS: dict[str, dict[str, Any]] = {
    "headers": {"headers": {"X-Client-id": "sandbox-client", "x-client-SECRET": "sandbox-secret"}},
    "body": {"json": KEYS},
    "api_key_headers": {"headers": {"x-api-key": "sandbox-client", "x-api-secret": "sandbox-secret"}},
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_sending_keys_is_accepted(generated: Api, way: str) -> None:
    assert generated.anonymous.post("coupon/list", **WAYS[way]).status_code == 200


def test_keys_in_a_form_body_are_accepted(generated: Api) -> None:
    assert generated.anonymous.post("coupon/list", data=KEYS).status_code == 200


def test_a_json_content_type_with_an_empty_body_is_accepted(generated: Api) -> None:
    response = generated.client.post("coupon/list", headers={"content-type": "application/json"})
    assert response.json()["status"] == {"status": "OK"}


@pytest.mark.parametrize("accepted", WAYS)
def test_only_the_ways_that_are_assumed_are_accepted(serve: Serve, accepted: str) -> None:
    api = serve(HandmadeAccount(), authentication=(accepted,))
    statuses = {way: api.anonymous.post("coupon/list", **sent).status_code for way, sent in WAYS.items()}
    assert statuses == {way: 200 if way == accepted else 401 for way in WAYS}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"json": {**KEYS, "client_secret": "wrong"}},
        {"json": {"client_id": "sandbox-client"}},
        {"headers": {"X-Client-Id": "sandbox-client"}},
        {"headers": {"X-Client-Id": "SANDBOX-CLIENT", "X-Client-Secret": "sandbox-secret"}},
        {"content": b"{broken"},
    ],
)
def test_wrong_or_missing_keys_are_refused_in_shape_e1(generated: Api, sent: dict[str, Any]) -> None:
    response = generated.anonymous.post("coupon/list", **sent)
    assert response.status_code == 401
    assert response.json() == {
        "status": {
            "status": "failed",
            "errors": {
                "error_code": 1000,
                "error_message": "HTTP/1.0 401 Unauthorized. Client ID or Secret not correct.",
            },
        }
    }


def test_keys_are_checked_before_parameters(generated: Api) -> None:
    assert generated.anonymous.post("campaign/data").status_code == 401
