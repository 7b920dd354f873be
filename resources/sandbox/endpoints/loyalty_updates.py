"""Making and changing users of loyalty cards, and pushing to them, in v3 (API.md, sections 5.9, 5.14, 5.15)."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from resources.sandbox.account.record import decoded, record_id
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import CARD, CARD_USER, UNKNOWN_CARD
from resources.sandbox.endpoints.loyalty_v3 import USER_FIELDS
from resources.sandbox.endpoints.session_updates import MESSAGE, send
from resources.sandbox.protocol.parameters import choice, email, is_on, moment, number, switch, text
from resources.sandbox.protocol.replies import ApiError, Reply, success
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import record

FIRST_NEW_USER_ID = 9_000_000
PERSON = ("first_name", "last_name", "email", "phone", "gender", "birthday", "address", "zip", "city")
CUSTOM_FIELDS = tuple(f"custom_{place}" for place in range(1, 9))
UNLINKED = ""
"""Parent of the users that were created and are not linked to a card."""


def loyaltyusers_create(call: Call, state: State) -> Reply:
    """Create a user, who has no card until he is linked to one (section 5.15; the answer is made up)."""
    fields = {name: call.text(name) or "" for name in PERSON}
    fields["first_name"] = fields["first_name"] or call.text("first_Name") or ""
    fields["last_name"] = fields["last_name"] or call.text("last_Name") or ""
    return success({"user": created(fields, UNLINKED, state)})


def loyaltyusers_link(call: Call, state: State) -> Reply:
    """Give a user a card: one created before, or one of another card (section 5.15; the answer is made up)."""
    lookup.card(call, state)
    card, name = lookup.named(call, "loyaltycard"), lookup.named(call, "user")
    cards = [record_id(each) or "" for each in state.account.rows("loyalty_cards", "", state.now)]
    for place in (card, UNLINKED, *cards):
        found = lookup.row(state, "loyalty_users", name, place)
        if found is not None:
            user = dict(decoded(found) or {})
            if place != card:
                user |= {"points": "0", "stamps": "0", "voided": "0"}
                state.account.overlay.put(("loyalty_users", card), user)
            return success({"user": user})
    raise ApiError(UNKNOWN_CARD, "Loyalty card user not found")


def loyaltyusers_update(call: Call, state: State) -> Reply:
    """Add points or stamps to a user, void him or take it back (section 5.14).

    The names of parameters and answer are made up.
    """
    user = dict(loyalty_user(call, state))
    for name in ("points", "stamps"):
        if call.text(name) is not None:
            user[name] = added(user.get(name), int(lookup.named(call, name)))
    if call.text("voided") is not None:
        user["voided"] = "1" if is_on(call, "voided") else "0"
    state.account.overlay.put(("loyalty_users", lookup.named(call, "loyaltycard")), user)
    return success({"user": user})


def push_single(call: Call, state: State) -> Reply:
    """Push a message to a user of a loyalty card (section 5.9; all of it is made up after the coupons')."""
    user = loyalty_user(call, state)
    send(call, state, kind="loyalty_push", to=str(user.get("ID", "")), text=lookup.named(call, "message"))
    return success({})


def push_all(call: Call, state: State) -> Reply:
    """Push a message to all users of a loyalty card (section 5.9; all of it is made up after the coupons')."""
    lookup.card(call, state)
    send(call, state, kind="loyalty_push", to=lookup.named(call, "loyaltycard"), text=lookup.named(call, "message"))
    return success({})


def loyalty_user(call: Call, state: State) -> Mapping[str, object]:
    """Return the user of the card that the call names; error 505."""
    lookup.card(call, state)
    found = lookup.row(state, "loyalty_users", lookup.named(call, "user"), parent=lookup.named(call, "loyaltycard"))
    if found is None:
        raise ApiError(UNKNOWN_CARD, "Loyalty card user not found")
    return decoded(found) or {}


def created(fields: Mapping[str, str], parent: str, state: State) -> dict[str, object]:
    """Add a user to a card, or to the unlinked ones; return his record in v3 spelling."""
    user: dict[str, object] = {"ID": str(FIRST_NEW_USER_ID + state.account.overlay.next_number())}
    user |= dict.fromkeys((*PERSON, *CUSTOM_FIELDS), "") | dict(fields)
    user |= {"points": "0", "stamps": "0", "voided": "0"}
    state.account.overlay.put(("loyalty_users", parent), user)
    return user


def added(old: object, amount: int) -> str:
    """Return the sum as text; what is no number counts as 0."""
    try:
        return str(Decimal(str(old)) + amount)
    except InvalidOperation:
        return str(amount)


USER = {"user": record(USER_FIELDS)}

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
            number("points", least=0, note="to be added; the name is made up"),
            number("stamps", least=0, note="to be added; the name is made up"),
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
