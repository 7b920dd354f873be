"""A small client of a running sandbox, and records to serve by hand."""

import ssl
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from resources.sandbox.server.server import SandboxServer

NOW = datetime(2026, 10, 31, 12, 0, 0)


# Made once: httpx would make one per client, which is slow, though nothing here is encrypted.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Api(AbstractContextManager["Api"]):
    """A sandbox that runs while the context lasts, with a client that sends the right keys in headers."""

    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        keys = {"X-Client-Id": server.client_id, "X-Client-Secret": server.client_secret}
        self.client = httpx.Client(base_url=f"{server.url}/v3", headers=keys, timeout=10, verify=NO_TLS)
        self.anonymous = httpx.Client(base_url=f"{server.url}/v3", timeout=10, verify=NO_TLS)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.anonymous.close()
        self.server.__exit__(kind, error, trace)

    def post(self, path: str, **parameters: Any) -> httpx.Response:
        return self.client.post(path, json=parameters)

    def v4(self, path: str, method: str = "GET", **sent: Any) -> httpx.Response:
        """Ask v4; `sent` are httpx's arguments, such as params and json."""
        return self.client.request(method, f"{self.server.url}/v4/{path}", **sent)

    def call(self, path: str, **parameters: Any) -> dict[str, Any]:
        response = self.post(path, **parameters)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = msgspec.json.decode(response.content)
        assert body["status"] == {"status": "OK"}
        return body

    def sessions(self, campaign: str, path: str = "campaign/data", **parameters: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.call(path, campaign=campaign, **parameters)["data"]
        return rows

    def ids(self, campaign: str, path: str = "campaign/data", **parameters: Any) -> list[str]:
        return [row["session"] for row in self.sessions(campaign, path, **parameters)]

    def codes(self, path: str, **parameters: Any) -> tuple[int, Sequence[int]]:
        """Return the HTTP status and the application codes of a failing call."""
        response = self.post(path, **parameters)
        body = response.json()
        assert body["status"]["status"] == "failed"
        errors = body.get("errors") or body["status"]["errors"]
        codes = errors["error_code"]
        return response.status_code, codes if isinstance(codes, list) else [codes]


def campaign(campaign_id: str = "cam_1", status: str = "active") -> dict[str, object]:
    return {"ID": campaign_id, "code": "vuhykb", "name": "n", "title": "t", "status": status, "url": "u"}


def session(name: str, created: str = "2026-01-01 00:00:00", **dates: str) -> dict[str, object]:
    """Return a record; `dates` are named after the API's: open="2026-01-02 10:00:00", claim=..."""
    status = {"created_date_utc": created, **{f"{step}_date_utc": date for step, date in dates.items()}}
    return {"sequenceid": "1", "session": name, "status": status}
