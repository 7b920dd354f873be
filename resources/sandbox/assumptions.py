"""Options of the sandbox: how it behaves where the API's public pages leave something open.

Each default is that of section 10 of API.md, which also says what the export does about it, and in section 0 what the
words for the evidence mean: official, client, hint, inferred, unknown.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AuthenticationWay = Literal["headers", "body", "api_key_headers"]
DateFormat = Literal["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H-%M"]
ErrorShape = Literal["E1", "E2", "E3"]
WebhookKind = Literal["coupon_validated", "coupon_claimed", "coupon_created", "coupon_updated", "coupon_removed"]
Share = Annotated[float, Field(ge=0, le=1)]


class Assumptions(BaseModel):
    """How the sandbox behaves where the documentation is silent or contradicts itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    session_page_size: Annotated[int, Field(ge=1)] = 5000
    """Records per page of campaign/*. Official: 5000; one client assumes 100 (section 5.3)."""
    past_end: Literal["empty", "error", "last_page", "first_page"] = "empty"
    """Answer for a page after the last one: no rows, error 300, or a page served again. Unknown (section 5.3)."""
    empty_data: Literal["array", "absent"] = "array"
    """Whether a v3 list is `[]` or missing when it is empty. Client: looks at the count first (section 5.3)."""
    amount_meaning: Literal["page", "total"] = "page"
    """Whether `amount_of_results` counts this page or all pages. Unknown (section 5.3)."""
    amount_type: Literal["integer", "string"] = "integer"
    """JSON type of `amount_of_results`. Client: compared as text, so either is possible (section 5.3)."""
    single_as: Literal["object", "array"] = "object"
    """Whether v3 calls about one thing answer with an object or an array of one. Client: an object (section 5.2)."""
    row_fields: Literal["all", "seen", "seen_in_events"] = "all"
    """Fields of a record in campaign/*: as couponsession/data, or the 12 that clients read, in all of these lists or
    in all but campaign/data. Inferred (section 5.3)."""
    campaign_fields: Literal["seen", "hinted"] = "seen"
    """Fields of a row in coupon/list: the 6 that clients read, or with those that are hints (section 5.1)."""
    session_order: Literal["ascending", "newest_first"] = "ascending"
    """Order of records in campaign/*, by sequenceid. Unknown (section 5.3)."""

    registration_page_size: Annotated[int, Field(ge=1)] = 100
    """Records per page of directoryusers/list. Official: 100 at most (section 5.19)."""
    v4_registration_page_size: Annotated[int, Field(ge=1)] | None = None
    """Records per `page` of GET v4/directory/{id}/users; None = all in one answer. Unknown (section 6.1)."""
    v4_loyalty_page_size: Annotated[int, Field(ge=1)] | None = None
    """Records per `pagination[page]`, from 1, of GET v4 loyalty stats; None = all at once. Unknown (section 6.2)."""
    v4_directory_ids: Literal["same", "integer"] = "same"
    """Ids of v4 directories: as in v3 (dir_12345), or 12345. Unknown (section 4)."""
    free_payment: Literal["absent", "null", "empty_object", "empty_array"] = "absent"
    """What `payment` is for a directory without one. Unknown (section 5.17)."""
    created_at_format: Literal["space", "iso_z", "iso_offset"] = "space"
    """`created_at` of v4: `2026-01-31 12:00:00`, `2026-01-31T12:00:00Z` or with +00:00. Unknown (section 6.1)."""
    subaccount_envelope: Literal["v3", "bare"] = "v3"
    """Whether v4/subaccount* answers in v3's envelope under `subaccount`, or without any. Unknown (section 3.1)."""

    date_formats: tuple[DateFormat, ...] = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H-%M")
    """Accepted formats of start_date and end_date. Official: hyphen and bare day; client: colon (section 5.3)."""
    end_date_means: Literal["whole_day", "midnight"] = "whole_day"
    """What a bare day means as end_date: 23:59:59 or 00:00:00 of it. Inferred from "inclusive" (section 5.3)."""
    end_minute_means: Literal["whole_minute", "exact"] = "whole_minute"
    """What a minute means as end_date: its second 59 or 0. Inferred from "inclusive" (sections 5.3 and 8)."""
    data_filter: Literal["created", "opened", "any_event"] = "created"
    """The date that start_date and end_date filter in campaign/data. Unknown (section 5.3)."""
    event_filter: Literal["own", "created"] = "own"
    """The date they filter in campaign/opens, /claims and /validations. Client: that of the event (section 5.3)."""
    tags_match: Literal["any", "all"] = "any"
    """Whether a campaign needs one or all of the comma-separated `tags`. Unknown (section 5.1)."""

    authentication: tuple[AuthenticationWay, ...] = ("headers", "body", "api_key_headers")
    """Accepted ways to send the keys. Official for headers and body; x-api-* on v3 is unknown (section 2)."""
    error_http_status: Literal["quoted", "always_200"] = "quoted"
    """HTTP status of an error: the one quoted in error_message (401, 422), or 200. Unknown (section 3.2)."""
    error_shape: Literal["documented"] | ErrorShape = "documented"
    """Shape of errors: as documented (official), or one for all (section 3.2)."""
    allow_get: bool = False
    """Whether reads may be GET with a query string. Client: seems to work on coupon/list (section 1)."""
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """Requests allowed per second before HTTP 429 with Retry-After; None = no limit. Unknown (section 1)."""
    gzip: bool = False
    """Whether bodies over 1 kB are compressed for clients that accept gzip. Unknown (section 1)."""

    webhook_kinds: tuple[WebhookKind, ...] = (
        "coupon_validated",
        "coupon_claimed",
        "coupon_created",
        "coupon_updated",
        "coupon_removed",
    )
    """Kinds of events that are sent. Official: coupon_validated; the others are hints (section 7)."""
    webhook_signature: Literal["hmac", "none"] = "hmac"
    """Whether events are signed by x-hmac. A hint (section 7)."""
    webhook_wrong_signatures: Share = 0
    """Share of the events whose signature is wrong. Unknown (section 7)."""
    webhook_order: Literal["as_happened", "shuffled"] = "as_happened"
    """Order of the events that are sent at one time. Unknown (section 7)."""
    webhook_delay: Annotated[float, Field(ge=0, le=86_400)] = 0
    """Longest delay of an event, in seconds. Unknown (section 7)."""
    webhook_duplicates: Share = 0
    """Share of the events that are sent twice. Unknown (section 7)."""
    webhook_losses: Share = 0
    """Share of the events that are never sent. Unknown (section 7)."""
    webhook_tries: Annotated[int, Field(ge=1)] = 5
    """How often an event is sent until the answer is a 2xx. Unknown (section 7)."""
