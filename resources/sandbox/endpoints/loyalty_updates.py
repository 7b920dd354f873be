"""Endpoints that make and change users of loyalty cards, and push to them, in v3 (API.md, sections 5.9, 5.14, 5.15)."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from resources.sandbox.account.record import decode_record, read_record_id
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import CARD, CARD_USER, UNKNOWN_CARD
from resources.sandbox.endpoints.loyalty_v3 import USER_FIELDS
from resources.sandbox.endpoints.session_updates import MESSAGE, keep_message
from resources.sandbox.protocol.parameters import choice, email, is_switched_on, moment, number, switch, text
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_fields
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import object_schema

FIRST_NEW_USER_ID = 9_000_000
PERSON = ("first_name", "last_name", "email", "phone", "gender", "birthday", "address", "zip", "city")
CUSTOM_FIELDS = tuple(f"custom_{place}" for place in range(1, 9))
UNLINKED = ""
"""Parent of the users that were created and are not linked to a card."""


def loyaltyusers_create(request: ApiRequest, state: State) -> Reply:
    """Create a user without a card; loyaltyusers/link gives one (section 5.15; the answer is made up)."""
    fields = {name: request.text(name) or "" for name in PERSON}
    fields["first_name"] = fields["first_name"] or request.text("first_Name") or ""
    fields["last_name"] = fields["last_name"] or request.text("last_Name") or ""
    return reply_with_fields({"user": add_user(fields, UNLINKED, state)})


def loyaltyusers_link(request: ApiRequest, state: State) -> Reply:
    """Link a user to a card: one without a card, or one of another card (section 5.15; the answer is made up)."""
    lookup.find_card(request, state)
    card_id, name = request.required_text("loyaltycard"), request.required_text("user")
    all_cards = [read_record_id(card) or "" for card in state.account.rows("loyalty_cards", "", state.now)]
    for parent in (card_id, UNLINKED, *all_cards):
        record = lookup.find_row(state, "loyalty_users", name, parent)
        if record is not None:
            user = dict(decode_record(record) or {})
            if parent != card_id:
                user |= {"points": "0", "stamps": "0", "voided": "0"}
                state.account.overlay.put(("loyalty_users", card_id), user)
            return reply_with_fields({"user": user})
    raise ApiError(UNKNOWN_CARD, "Loyalty card user not found")


def loyaltyusers_update(request: ApiRequest, state: State) -> Reply:
    """Add points or stamps to a user, void or unvoid the user (section 5.14).

    The names of parameters and answer are made up.
    """
    user = dict(find_user(request, state))
    for name in ("points", "stamps"):
        if request.text(name) is not None:
            user[name] = add_amount(user.get(name), int(request.required_text(name)))
    if request.text("voided") is not None:
        user["voided"] = "1" if is_switched_on(request, "voided") else "0"
    state.account.overlay.put(("loyalty_users", request.required_text("loyaltycard")), user)
    return reply_with_fields({"user": user})


def push_single(request: ApiRequest, state: State) -> Reply:
    """Push a message to a user of a loyalty card (section 5.9; all of it is made up after the coupons')."""
    user = find_user(request, state)
    keep_message(request, state, kind="loyalty_push", to=str(user.get("ID", "")), text=request.required_text("message"))
    return reply_with_fields({})


def push_all(request: ApiRequest, state: State) -> Reply:
    """Push a message to all users of a loyalty card (section 5.9; all of it is made up after the coupons')."""
    lookup.find_card(request, state)
    keep_message(
        request,
        state,
        kind="loyalty_push",
        to=request.required_text("loyaltycard"),
        text=request.required_text("message"),
    )
    return reply_with_fields({})


def find_user(request: ApiRequest, state: State) -> Mapping[str, object]:
    """Return the user of the card that the request names; error 505."""
    lookup.find_card(request, state)
    record = lookup.find_row(
        state,
        "loyalty_users",
        request.required_text("user"),
        parent=request.required_text("loyaltycard"),
    )
    if record is None:
        raise ApiError(UNKNOWN_CARD, "Loyalty card user not found")
    return decode_record(record) or {}


def add_user(fields: Mapping[str, str], parent: str, state: State) -> dict[str, object]:
    """Add a user to a card, or to the unlinked ones; return the record in v3 spelling."""
    user: dict[str, object] = {"ID": str(FIRST_NEW_USER_ID + state.account.overlay.next_number())}
    user |= dict.fromkeys((*PERSON, *CUSTOM_FIELDS), "") | dict(fields)
    user |= {"points": "0", "stamps": "0", "voided": "0"}
    state.account.overlay.put(("loyalty_users", parent), user)
    return user


def add_amount(old: object, amount: int) -> str:
    """Return the sum as text; what is no number counts as 0."""
    try:
        return str(Decimal(str(old)) + amount)
    except InvalidOperation:
        return str(amount)


USER = {"user": object_schema(USER_FIELDS)}

LOYALTY_UPDATES = (
    Endpoint(
        "v3/loyaltyusers/create",
        loyaltyusers_create,
        (
            email(required=True),
            text("password", required=True),
            *(text(name) for name in ("phone", "first_name", "last_name")),
            *(text(name, note="older spelling") for name in ("first_Name", "last_Name")),
            choice("gender", "male", "female", "unknown"),
            moment("birthday", "%Y-%m-%d"),
            text("city"),
        ),
        USER,
        writes=True,
    ),
    Endpoint("v3/loyaltyusers/link", loyaltyusers_link, (CARD, CARD_USER), USER, writes=True),
    Endpoint(
        "v3/loyaltyusers/update",
        loyaltyusers_update,
        (
            CARD,
            CARD_USER,
            number("points", minimum=0, note="to be added; the name is made up"),
            number("stamps", minimum=0, note="to be added; the name is made up"),
            switch("voided", note="the name is made up"),
        ),
        USER,
        writes=True,
    ),
    Endpoint(
        "v3/loyalty/pushnotification/single",
        push_single,
        (CARD, CARD_USER, MESSAGE),
        error_shape="E3",
        writes=True,
    ),
    Endpoint("v3/loyalty/pushnotification/all", push_all, (CARD, MESSAGE), error_shape="E3", writes=True),
)
