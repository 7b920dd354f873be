"""Reads HTTP requests: parameters and keys, separated, wherever they were sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from resources.sandbox.assumptions import AuthenticationWay

KEY_HEADERS: Mapping[AuthenticationWay, tuple[str, str]] = {
    "headers": ("x-client-id", "x-client-secret"),
    "api_key_headers": ("x-api-key", "x-api-secret"),
}
KEY_PARAMETERS = ("client_id", "client_secret")


@dataclass(frozen=True)
class ApiRequest:
    """One request (API.md, sections 1 and 2)."""

    method: str
    path: str
    """Without the leading slash: `v3/coupon/list`."""
    parameters: Mapping[str, object]
    """Of the path, and of the JSON or form body or a GET's query string; absent, null and "" are all left out."""
    keys: Mapping[AuthenticationWay, tuple[str, str]]
    """Client id and secret, for each way in which they were sent."""
    accepts_gzip: bool

    def text(self, name: str) -> str | None:
        """Return a parameter as text, or None if it was not sent; an array is its items with commas between."""
        value = self.parameters.get(name)
        if isinstance(value, list):
            return ",".join(map(str, value))
        if value is None or isinstance(value, str):
            return value
        return str(value).lower() if isinstance(value, bool) else str(value)

    def required_text(self, name: str) -> str:
        """Return the text of a required parameter, which has been checked."""
        return self.text(name) or ""

    def object(self, name: str) -> dict[str, str]:
        """Return an object parameter: sent as `name[key]=value`, as JSON text, or as a JSON body's object.

        Which of them the API takes in a query string is unknown (section 6.2).
        """
        value = self.parameters.get(name)
        if isinstance(value, str):
            value = _decode(value.encode(), "application/json")
        fields = {str(key): str(item) for key, item in value.items()} if isinstance(value, dict) else {}
        for key, item in self.parameters.items():
            if key.startswith(f"{name}[") and key.endswith("]"):
                fields[key[len(name) + 1 : -1]] = str(item)
        return fields


async def read_request(request: Request) -> ApiRequest:
    """Sort a request into parameters and keys; a body that is neither a form nor a JSON object counts as empty."""
    if request.method == "GET":
        parameters: dict[str, object] = dict(request.query_params)
    else:
        parameters = _decode(await request.body(), request.headers.get("content-type", ""))
    keys: dict[AuthenticationWay, tuple[str, str]] = {}
    for way, (id_header, secret_header) in KEY_HEADERS.items():
        if id_header in request.headers or secret_header in request.headers:
            keys[way] = (request.headers.get(id_header, ""), request.headers.get(secret_header, ""))
    client_id, secret = (parameters.pop(name, None) for name in KEY_PARAMETERS)
    if client_id is not None or secret is not None:
        keys["body"] = (str(client_id), str(secret))
    return ApiRequest(
        method=request.method,
        path=request.url.path.strip("/"),
        parameters={name: value for name, value in parameters.items() if value is not None and value != ""}
        | request.path_params,
        keys=keys,
        accepts_gzip="gzip" in request.headers.get("accept-encoding", ""),
    )


def _decode(body: bytes, content_type: str) -> dict[str, object]:
    try:
        if content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(body.decode()))
        return msgspec.json.decode(body, type=dict[str, object]) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
