"""Endpoints that read loyalty cards and their users in v3 (API.md, sections 5.10 to 5.15)."""

from resources.sandbox.account.record import Record, decode_record
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import CARD, UNKNOWN_CARD_IN_INFO
from resources.sandbox.protocol.parameters import INCORRECT, choice, identifier, is_switched_on, switch
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_list, reply_with_record
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import array_schema, object_schema, single_schema

CARD_FIELDS = "ID code name domain type"
USER_FIELDS = (
    "ID first_name last_name email phone gender birthday address zip city points stamps voided "
    "custom_1 custom_2 custom_3 custom_4 custom_5 custom_6 custom_7 custom_8"
)
SEARCHED = ("first_name", "last_name", "email", "phone", "ID")


def loyalty_list(request: ApiRequest, state: State) -> Reply:
    """List loyalty cards in `loyaltycards`, oldest first (section 5.10; names of key and fields are made up).

    `only_active` leaves out cards whose `status` says otherwise; a card without one is active.
    """
    cards = list(state.account.rows("loyalty_cards", "", state.now))
    if is_switched_on(request, "only_active"):
        cards = [card for card in cards if (decode_record(card) or {}).get("status", "active") == "active"]
    if request.text("sorting") == "desc":
        cards.reverse()
    return reply_with_list("loyaltycards", cards, state.assumptions)


def loyalty_info(request: ApiRequest, state: State) -> Reply:
    """Show one loyalty card in `loyaltycard` (section 5.11; names of key and fields are made up)."""
    card = lookup.find_card(request, state, UNKNOWN_CARD_IN_INFO)
    return reply_with_record("loyaltycard", card, state.assumptions)


def loyaltyusers_list(request: ApiRequest, state: State) -> Reply:
    """List all users of a loyalty card in `users`, voided ones too (section 5.12; names made up)."""
    lookup.find_card(request, state)
    users = state.account.rows("loyalty_users", request.required_text("loyaltycard"), state.now)
    return reply_with_list("users", users, state.assumptions)


def loyaltyusers_search(request: ApiRequest, state: State) -> Reply:
    """Find users of a loyalty card by a part of name, e-mail, phone or id (section 5.13; names made up)."""
    lookup.find_card(request, state)
    text = request.required_text("search").lower()
    if len(text) < 3:
        raise ApiError(INCORRECT, "Invalid value in parameter: search")
    users = state.account.rows("loyalty_users", request.required_text("loyaltycard"), state.now)
    return reply_with_list("users", [user for user in users if _mentions(user, text)], state.assumptions)


def _mentions(user: Record, text: str) -> bool:
    fields = decode_record(user) or {}
    return any(text in str(fields.get(name, "")).lower() for name in SEARCHED)


USERS = {"users": array_schema(object_schema(USER_FIELDS))}

LOYALTY_V3 = (
    Endpoint(
        "v3/loyalty/list",
        loyalty_list,
        (switch("only_active"), choice("sorting", "asc", "desc", note="by date of creation")),
        {"loyaltycards": array_schema(object_schema(CARD_FIELDS))},
    ),
    Endpoint("v3/loyalty/info", loyalty_info, (CARD,), {"loyaltycard": single_schema(object_schema(CARD_FIELDS))}),
    Endpoint("v3/loyaltyusers/list", loyaltyusers_list, (CARD,), USERS),
    Endpoint(
        "v3/loyaltyusers/search",
        loyaltyusers_search,
        (CARD, identifier("search", r"[A-Za-z0-9_@-]+", note="at least 3 characters")),
        USERS,
    ),
)
