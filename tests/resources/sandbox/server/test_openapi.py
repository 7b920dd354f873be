"""The OpenAPI document shows every endpoint, and every answer is as it says."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from resources.sandbox.assumptions import Assumptions
from resources.sandbox.endpoints.endpoint import Endpoint
from resources.sandbox.endpoints.routes import ENDPOINTS
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.server import SandboxServer
from tests.resources.sandbox.api import NOW, Api
from tests.resources.sandbox.conftest import Serve

CONFORMANCE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A small generated account, which the tests may change."""
    with Api(SandboxServer(GeneratedAccount(seed=1, sessions=60, campaigns=3), clock=Clock.frozen(NOW))) as api:
        yield api


def document(api: Api) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{api.server.url}/openapi.json").json()
    return document


def known_values(api: Api) -> dict[str, list[Any]]:
    """Return values of parameters that exist in the account, so that calls can succeed."""
    campaign = api.call("coupon/list")["coupon_info"][0]["ID"]
    card = api.call("loyalty/list")["loyaltycards"][0]["ID"]
    directory = api.call("directory/list")["directories"][0]["ID"]
    sessions = api.ids(campaign)
    person = api.call("loyaltyusers/list", loyaltycard=card)["users"][0]["ID"]
    registration = api.call("directoryusers/list", directory=directory)["users"][0]["ID"]
    users = [person, registration]
    return {
        "campaign": [campaign],
        "loyaltycard": [card],
        "loyaltyCardId": [card],
        "directory": [directory],
        "couponsession": [*sessions[:4], sessions[4][:6], "none"],
        "couponsessions": [sessions[1], f"{sessions[2]},{sessions[3]}"],
        "user": users,
        "userId": users,
        "subaccount": [api.v4("subaccount/list", "POST").json()["subaccount"][0]["ID"]],
        "smsgroup": ["gro_123456"],
        "teammate": ["501"],
        "search": ["anna", "Zoe", "xy"],
        "webhook": [f"evt_{name[:20]}" for name in api.ids(campaign, "campaign/validations")[-2:]],
        "session": [api.ids(campaign, "campaign/validations")[-1]],
        "expires_at": ["2027-01-31 12:00:00"],
        "amount": [1, 3],
    }


@pytest.fixture(scope="module")
def described(api: Api) -> OpenApiSchema:
    """The document, with values that exist in place of any text."""
    described, values = document(api), known_values(api)
    for path in described["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in values:
                    parameter["schema"] = {"enum": values[parameter["name"]]}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                properties = content["schema"]["properties"]
                properties.update({name: {"enum": values[name]} for name in properties if name in values})
    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=api.server.url)
    return schema


@pytest.fixture(scope="module")
def connection() -> Iterator[requests.Session]:
    """One connection for all calls."""
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_every_answer_is_as_the_document_says(
    described: OpenApiSchema, api: Api, connection: requests.Session, endpoint: Endpoint, mode: GenerationMode
) -> None:
    if mode is GenerationMode.NEGATIVE and not endpoint.parameters:
        return
    keys = {"X-Client-Id": api.server.client_id, "X-Client-Secret": api.server.client_secret}

    began = len(api.server.requests)

    # schemathesis' own parametrisation of pytest does not know pytest 9.2.
    @settings(
        max_examples=6 if mode is GenerationMode.POSITIVE else 2,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[f"/{endpoint.path}"][endpoint.method].as_strategy(mode))
    def answers(case: Case[Any]) -> None:
        case.call_and_validate(headers=keys, checks=CONFORMANCE, session=connection)

    answers()
    if mode is GenerationMode.POSITIVE:
        assert 200 in {entry.status for entry in api.server.requests[began:]}


def test_the_document_shows_exactly_the_endpoints_that_are_served(api: Api) -> None:
    paths = document(api)["paths"]
    shown = {(path, method.upper()) for path, operations in paths.items() for method in operations}
    assert shown == {(f"/{endpoint.path}", endpoint.method) for endpoint in ENDPOINTS}
    assert len(shown) == len(ENDPOINTS)
    for path, operations in paths.items():
        for operation in operations.values():
            assert operation["summary"].endswith((".", ").")), path


def test_keys_are_not_needed_for_the_document_but_for_all_it_shows(api: Api) -> None:
    for path, operations in document(api)["paths"].items():
        for method in operations:
            response = api.anonymous.request(method, f"{api.server.url}{path}", json={})
            assert response.status_code == 401, path


@pytest.mark.parametrize("assumed", [{"error_http_status": "always_200"}, {"subaccount_envelope": "bare"}])
def test_the_document_follows_the_assumptions(serve: Serve, api: Api, assumed: dict[str, Any]) -> None:
    assert Assumptions(**assumed) != Assumptions()
    assert document(serve(GeneratedAccount(sessions=0), **assumed)) != document(api)
