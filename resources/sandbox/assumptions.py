"""What the public pages of the API leave open, as options of the sandbox.

Each default is the proposal of section 10 of the facts (`coupontools_api.md`). Grades in the docstrings:
A = official page, C = seen in client code, INF = inferred, UNKNOWN = visible nowhere.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AuthenticationWay = Literal["headers", "body", "api_key_headers"]
DateFormat = Literal["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H-%M"]
ErrorShape = Literal["E1", "E2", "E3"]


class Assumptions(BaseModel):
    """How the sandbox behaves where the documentation is silent or contradicts itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    session_page_size: Annotated[int, Field(ge=1)] = 5000
    """Records per page of campaign/*. A says 5000 (section 5.3); one client assumes 100."""
    past_end: Literal["empty", "error", "last_page", "first_page"] = "empty"
    """Answer for a page after the last one: no rows, error 300, or a page served again. UNKNOWN (5.3)."""
    empty_data: Literal["array", "absent"] = "array"
    """Whether a v3 list is `[]` or missing when it is empty. C for `data`: clients check the count first (5.3)."""
    amount_meaning: Literal["page", "total"] = "page"
    """Whether `amount_of_results` counts this page or all pages. UNKNOWN (5.3)."""
    amount_type: Literal["integer", "string"] = "integer"
    """JSON type of `amount_of_results`. C: compared as text, so either is possible (5.3)."""
    single_as: Literal["object", "array"] = "object"
    """Whether v3 calls about one thing answer with an object or a one-element array. C for coupon/info (5.2)."""
    row_fields: Literal["all", "seen"] = "all"
    """Fields of a record in campaign/*: as rich as couponsession/data, or the 12 seen (C). UNKNOWN (5.3)."""
    campaign_fields: Literal["seen", "hinted"] = "seen"
    """Fields of a row in coupon/list: the 6 seen (C), or with those only hinted at (D) (5.1)."""
    session_order: Literal["ascending", "newest_first"] = "ascending"
    """Order of records in campaign/*, by sequenceid. UNKNOWN (5.3)."""

    registration_page_size: Annotated[int, Field(ge=1)] = 100
    """Records per page of directoryusers/list. A says 100 at most (5.19)."""
    v4_registration_page_size: Annotated[int, Field(ge=1)] | None = None
    """Records per `page` of GET v4/directory/{id}/users; None = all in one answer. UNKNOWN (6.1)."""
    v4_loyalty_page_size: Annotated[int, Field(ge=1)] | None = None
    """Records per `pagination[page]`, from 1, of GET v4 loyalty stats; None = all in one answer. UNKNOWN (6.2)."""
    v4_directory_ids: Literal["same", "integer"] = "same"
    """Ids of v4 directories: as in v3 (dir_12345), or 12345. UNKNOWN (4)."""
    free_payment: Literal["absent", "null", "empty_object", "empty_array"] = "absent"
    """What `payment` is for a directory without one. UNKNOWN (5.17)."""
    created_at_format: Literal["space", "iso_z", "iso_offset"] = "space"
    """`created_at` of v4: `2026-01-31 12:00:00`, `2026-01-31T12:00:00Z` or with +00:00. UNKNOWN (6.1)."""
    subaccount_envelope: Literal["v3", "bare"] = "v3"
    """Whether v4/subaccount* answers in v3's envelope under `subaccount`, or without any. UNKNOWN (3.1)."""

    date_formats: tuple[DateFormat, ...] = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H-%M")
    """Accepted formats of start_date and end_date. A: hyphen and bare day, C: colon (5.3)."""
    end_date_means: Literal["whole_day", "midnight"] = "whole_day"
    """What a bare day means as end_date: 23:59:59 or 00:00:00 of it. INF from "inclusive" (5.3)."""
    end_minute_means: Literal["whole_minute", "exact"] = "whole_minute"
    """What a minute means as end_date: its second 59 or its second 0. INF from "inclusive" (5.3, 8)."""
    data_filter: Literal["created", "opened", "any_event"] = "created"
    """The date that start_date and end_date filter in campaign/data. UNKNOWN (5.3)."""
    event_filter: Literal["own", "created"] = "own"
    """The date they filter in campaign/opens, /claims and /validations. C: their own event's date (5.3)."""
    tags_match: Literal["any", "all"] = "any"
    """Whether a campaign needs one or all of the comma-separated `tags`. UNKNOWN (5.1)."""

    authentication: tuple[AuthenticationWay, ...] = ("headers", "body", "api_key_headers")
    """Accepted ways to send the keys. A for headers and body; x-api-* on v3 is UNKNOWN (2)."""
    error_http_status: Literal["quoted", "always_200"] = "quoted"
    """HTTP status of an error: the one quoted in error_message (401, 422), or 200. UNKNOWN (3.2)."""
    error_shape: Literal["documented"] | ErrorShape = "documented"
    """Shape of errors: E1 for authentication and E2 for the rest as seen (A), or one for all (3.2)."""
    allow_get: bool = False
    """Whether reads may be GET with a query string. C/INF: seems to work on coupon/list (1)."""
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """Requests allowed per second before HTTP 429 with Retry-After; None = no limit. UNKNOWN (1)."""
    gzip: bool = False
    """Whether bodies over 1 kB are compressed for clients that accept gzip. UNKNOWN (1)."""
