"""What is asked of the API: a unit is read as a whole, a question is one request of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote

import httpx

from resources.coupontools.endpoints import Endpoint, Version
from resources.printable import harmless


@dataclass(frozen=True)
class Unit:
    """What is read as a whole: an endpoint, of one parent and a range of days (UTC, both inclusive) if it has them."""

    endpoint: Endpoint
    parent: str | None = None
    start: date | None = None
    end: date | None = None

    def __str__(self) -> str:
        """What was asked for, for messages."""
        path = self.endpoint.path.replace("/{parent}", "")
        of = f" of {self.endpoint.parent} {harmless(self.parent)}" if self.parent else ""
        when = f" from {self.start} to {self.end}" if self.start else ""
        return f"{path}{of}{when}"


@dataclass(frozen=True)
class Question:
    """One request for a unit, or for one page of it."""

    unit: Unit
    page: int | None = None

    def __str__(self) -> str:
        """What was asked for, for messages."""
        return f"{self.unit}, page {self.page}" if self.page else str(self.unit)

    @property
    def path(self) -> str:
        """The path, with the parent's id if that is where it belongs; no id can lead to another path."""
        parent = quote(self.unit.parent or "", safe="").replace(".", "%2E")
        return self.unit.endpoint.path.format(parent=parent)

    @property
    def parameters(self) -> Mapping[str, object]:
        """The parameters, without the keys."""
        unit, endpoint = self.unit, self.unit.endpoint
        named = {"start_date": unit.start, "end_date": unit.end} if endpoint.windowed else {}
        found: dict[str, object] = dict(endpoint.constants)
        found.update((name, str(day)) for name, day in named.items() if day)
        if endpoint.parent and "{parent}" not in endpoint.path:
            found[endpoint.parent] = unit.parent
        if endpoint.page and self.page:
            found[endpoint.page] = self.page
        return found


@dataclass(frozen=True)
class Keys:
    """The keys of an account, and where they are sent (API.md, section 2)."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    in_body: bool = False
    """Whether requests that have a body carry them there, and not in headers."""

    def headers(self, version: Version) -> dict[str, str]:
        """The documented headers: v4 knows both pairs, and nobody knows which of its calls know only one."""
        pair = {"X-Client-Id": self.client_id, "X-Client-Secret": self.client_secret}
        return pair if version == "v3" else pair | {"x-api-key": self.client_id, "x-api-secret": self.client_secret}

    def body(self) -> dict[str, str]:
        """The documented values of a request's body."""
        return {"client_id": self.client_id, "client_secret": self.client_secret}


def request(http: httpx.AsyncClient, question: Question, keys: Keys) -> httpx.Request:
    """The HTTP request for a question."""
    endpoint = question.unit.endpoint
    headers = keys.headers(endpoint.version)
    if endpoint.method == "GET":
        query = {name: _in_query(value) for name, value in question.parameters.items()}
        return http.build_request("GET", question.path, params=query, headers=headers)
    if keys.in_body:
        return http.build_request("POST", question.path, json={**keys.body(), **question.parameters})
    return http.build_request("POST", question.path, json=question.parameters, headers=headers)


def _in_query(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
