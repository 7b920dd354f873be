"""What is requested of the API: a slice is read to its end, by one request or one request a page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote

import httpx

from resources.coupontools.endpoints import Endpoint, Version
from resources.printable import make_printable


@dataclass(frozen=True)
class Slice:
    """The unit of a read: an endpoint, of one parent and a range of days if it has them."""

    endpoint: Endpoint
    parent: str | None = None
    start: date | None = None
    """First day, UTC."""
    end: date | None = None
    """Last day, UTC, inclusive."""
    constants: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Column values of its records that are known from the request and not in the records."""
    covers: tuple["Slice", ...] = field(default=(), compare=False)
    """Slices that need not be read once this one was, because it holds all their records."""

    def __str__(self) -> str:
        """Name what is requested, for messages."""
        path = self.endpoint.path.replace("/{parent}", "")
        of = f" of {self.endpoint.parent} {make_printable(self.parent)}" if self.parent else ""
        when = f" from {self.start} to {self.end}" if self.start else ""
        return f"{path}{of}{when}"


@dataclass(frozen=True)
class PageRequest:
    """One request for a slice, or for one page of it."""

    slice_: Slice
    page: int | None = None

    def __str__(self) -> str:
        """Name what is requested, for messages."""
        return f"{self.slice_}, page {self.page}" if self.page else str(self.slice_)

    @property
    def path(self) -> str:
        """The path, with the parent's id if it belongs there; no id can lead to another path."""
        parent = quote(self.slice_.parent or "", safe="").replace(".", "%2E")
        return self.slice_.endpoint.path.format(parent=parent)

    @property
    def parameters(self) -> Mapping[str, object]:
        """The parameters, without the account's keys."""
        slice_, endpoint = self.slice_, self.slice_.endpoint
        named = {"start_date": slice_.start, "end_date": slice_.end} if endpoint.windowed else {}
        parameters: dict[str, object] = dict(endpoint.fixed_parameters)
        parameters.update((name, str(day)) for name, day in named.items() if day)
        if endpoint.parent and "{parent}" not in endpoint.path:
            parameters[endpoint.parent] = slice_.parent
        if endpoint.page and self.page:
            parameters[endpoint.page] = self.page
        return parameters


@dataclass(frozen=True)
class Credentials:
    """The keys of an account (API.md, section 2)."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    in_body: bool = False
    """Whether requests with a body carry the keys in it and not in headers."""

    def headers(self, version: Version) -> dict[str, str]:
        """Return the headers of a version; v4 documents both pairs, and which calls take only one is unknown."""
        pair = {"X-Client-Id": self.client_id, "X-Client-Secret": self.client_secret}
        return pair if version == "v3" else pair | {"x-api-key": self.client_id, "x-api-secret": self.client_secret}

    def body(self) -> dict[str, str]:
        """Return the values in the body of a request."""
        return {"client_id": self.client_id, "client_secret": self.client_secret}


def build_request(http: httpx.AsyncClient, page_request: PageRequest, credentials: Credentials) -> httpx.Request:
    """Build the HTTP request for a page request."""
    endpoint = page_request.slice_.endpoint
    headers = credentials.headers(endpoint.version)
    if endpoint.method == "GET":
        query = {name: _in_query(value) for name, value in page_request.parameters.items()}
        return http.build_request("GET", page_request.path, params=query, headers=headers)
    if credentials.in_body:
        return http.build_request("POST", page_request.path, json={**credentials.body(), **page_request.parameters})
    return http.build_request("POST", page_request.path, json=page_request.parameters, headers=headers)


def _in_query(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
