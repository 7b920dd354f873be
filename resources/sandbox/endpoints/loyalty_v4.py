"""Endpoints that read loyalty cards and their users in v4: bare arrays and objects (API.md, section 6.2)."""

import msgspec

from resources.sandbox.account.record import Record, decode_record, encode_array
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import UNKNOWN_CARD
from resources.sandbox.endpoints.versions import convert_loyalty_card, convert_loyalty_user, is_voided
from resources.sandbox.protocol.parameters import INCORRECT, Parameter, is_switched_on, switch
from resources.sandbox.protocol.replies import ApiError, Reply
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import Schema, array_schema, object_schema

CARD = object_schema("id:integer code name domain type")
USER = object_schema(
    "first_name last_name email phone gender birth_date address zip city "
    "custom_1 custom_2 custom_3 custom_4 custom_5 custom_6 custom_7 custom_8 "
    "id:integer points:number stamps:number voided:boolean"
)
CARD_ID = Parameter("loyaltyCardId", required=True, place="path")
USER_ID = Parameter("userId", required=True, place="path")
OBJECT: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def loyalty_cards(request: ApiRequest, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """List loyalty cards."""
    return Reply(encode_array(map(convert_loyalty_card, state.account.rows("loyalty_cards", "", state.now))))


def stats(request: ApiRequest, state: State) -> Reply:
    """List the users of a loyalty card; voided ones only if `include_voided` says so.

    Field names are made up. `filter` keeps those whose fields equal its own; `pagination` counts `page` from 1.
    """
    card_id = find_card(request, state)
    users = state.account.rows("loyalty_users", card_id, state.now)
    shown = [
        convert_loyalty_user(user) for user in users if is_switched_on(request, "include_voided") or not is_voided(user)
    ]
    conditions = request.object("filter")
    shown = [user for user in shown if _fits(user, conditions)]
    size = state.assumptions.v4_loyalty_page_size
    if size is not None:
        page = request.object("pagination").get("page", "1")
        if not (page.isascii() and page.isdigit() and 0 < int(page) < 10**9):
            raise ApiError(INCORRECT, "Invalid value in parameter: pagination")
        shown = shown[(int(page) - 1) * size : int(page) * size]
    return Reply(encode_array(shown))


def user_stats(request: ApiRequest, state: State) -> Reply:
    """Show one user of a loyalty card; the field names are made up."""
    return show_user(find_user(request, state))


def find_card(request: ApiRequest, state: State) -> str:
    """Return the id of the card in the path; error 404."""
    name = request.required_text("loyaltyCardId")
    if lookup.find_row(state, "loyalty_cards", name) is None:
        raise ApiError(UNKNOWN_CARD, "Loyalty card not found")
    return name


def find_user(request: ApiRequest, state: State) -> Record:
    """Return the user in the path, in v3 spelling; error 404."""
    record = lookup.find_row(state, "loyalty_users", request.required_text("userId"), find_card(request, state))
    if record is None:
        raise ApiError(UNKNOWN_CARD, "User not found")
    return record


def show_user(record: Record) -> Reply:
    """Return the answer that is one user."""
    return Reply(encode_array([convert_loyalty_user(record)])[1:-1])


def _fits(shown: Record, conditions: dict[str, str]) -> bool:
    fields = decode_record(shown) or {}
    return all(name in fields and _text(fields[name]) == value for name, value in conditions.items())


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


LOYALTY_V4 = (
    Endpoint("v4/loyalty/loyalty-cards", loyalty_cards, bare=array_schema(CARD), method="GET"),
    Endpoint(
        "v4/loyalty/loyalty-cards/{loyaltyCardId}/stats",
        stats,
        (
            CARD_ID,
            switch("include_voided", place="query"),
            Parameter("filter", OBJECT, place="query", note="its keys are made up: field names of the answer"),
            Parameter("pagination", OBJECT, place="query", note="its key `page` is made up"),
        ),
        bare=array_schema(USER),
        method="GET",
    ),
    Endpoint(
        "v4/loyalty/loyalty-cards/{loyaltyCardId}/stats/{userId}",
        user_stats,
        (CARD_ID, USER_ID),
        bare=USER,
        method="GET",
    ),
)
