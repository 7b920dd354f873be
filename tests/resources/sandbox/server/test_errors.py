"""Application errors carry the documented codes, shapes and HTTP statuses (API.md, section 3)."""

from collections.abc import Iterator
from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.server import SandboxServer
from tests.resources.sandbox.api import Api, campaign
from tests.resources.sandbox.conftest import Serve

CASES: list[tuple[str, dict[str, Any], int]] = [
    ("coupon/info", {}, 200),
    ("coupon/info", {"campaign": None}, 200),
    ("coupon/info", {"campaign": "cam_abc"}, 301),
    ("coupon/info", {"campaign": "cam_999999"}, 502),
    ("coupon/info", {"campaign": "cam_1", "show_usage_stats": "maybe"}, 302),
    ("coupon/list", {"folder": "404"}, 515),
    ("coupon/list", {"category": "shoes"}, 301),
    ("coupon/list", {"only_active": "perhaps"}, 302),
    ("campaign/data", {}, 200),
    ("campaign/opens", {"campaign": 12}, 301),
    ("campaign/claims", {"campaign": "cam_2"}, 502),
    ("campaign/validations", {"campaign": "cam_1", "page": "two"}, 301),
    ("campaign/data", {"campaign": "cam_1", "page": 0}, 301),
    ("campaign/data", {"campaign": "cam_1", "start_date": "01-02-2026"}, 303),
    ("campaign/data", {"campaign": "cam_1", "start_date": "2026-02-30"}, 303),
    ("campaign/data", {"campaign": "cam_1", "end_date": "2026-01-01 10:00:00"}, 303),
    ("couponsession/data", {}, 200),
    ("couponsession/data", {"couponsession": "a b"}, 301),
    ("couponsession/data", {"couponsession": "ac6s7u3g8a25ja7x9qg87"}, 505),
]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api(SandboxServer(HandmadeAccount([campaign()]))) as api:
        yield api


@pytest.mark.parametrize(("path", "parameters", "code"), CASES)
def test_a_wrong_call_gets_its_application_code(api: Api, path: str, parameters: dict[str, Any], code: int) -> None:
    assert api.codes(path, **parameters) == (422, [code])


def test_errors_have_shape_e2_with_arrays_of_codes_and_descriptions(api: Api) -> None:
    assert api.post("coupon/info", campaign="cam_9").json() == {
        "status": {
            "status": "failed",
            "errors": {
                "error_message": "HTTP/1.0 422 Unprocessable entity.",
                "error_message_description": ["Campaign ID not found"],
                "error_code": [502],
            },
        }
    }


def test_all_errors_can_come_in_shape_e1(serve: Serve) -> None:
    body = serve(HandmadeAccount(), error_shape="E1").post("coupon/info").json()
    message = "HTTP/1.0 422 Unprocessable entity."
    assert body == {"status": {"status": "failed", "errors": {"error_code": 200, "error_message": message}}}


def test_all_errors_can_come_in_shape_e2(serve: Serve) -> None:
    body = serve(HandmadeAccount(), error_shape="E2").anonymous.post("coupon/info").json()
    assert body["status"]["errors"]["error_code"] == [1000]


def test_all_errors_can_come_in_shape_e3(serve: Serve) -> None:
    body = serve(HandmadeAccount(), error_shape="E3").post("coupon/info").json()
    assert body["status"] == {"status": "failed"}
    assert body["errors"]["error_code"] == [200]


def test_errors_can_come_with_http_200(serve: Serve) -> None:
    api = serve(HandmadeAccount(), error_http_status="always_200")
    assert api.codes("coupon/info") == (200, [200])
    assert api.anonymous.post("coupon/info").status_code == 200


def test_an_unknown_path_is_a_404_with_an_html_body(api: Api) -> None:
    response = api.post("coupon/create")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


def test_reading_with_get_is_refused_by_default(api: Api) -> None:
    response = api.client.get("coupon/list")
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]


def test_reading_with_get_and_a_query_string_can_be_allowed(serve: Serve) -> None:
    api = serve(HandmadeAccount([campaign()]), allow_get=True)
    assert api.client.get("coupon/info", params={"campaign": "cam_1"}).json()["coupon_info"]["ID"] == "cam_1"
    keys = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    assert api.anonymous.get("coupon/list", params=keys).status_code == 200
