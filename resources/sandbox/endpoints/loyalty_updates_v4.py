"""Making and changing loyalty cards and their users in v4 (API.md, section 6.2)."""

from collections.abc import Mapping

from resources.sandbox.account.new_sessions import random_text
from resources.sandbox.account.record import decoded, encode_array
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.loyalty_updates import CUSTOM_FIELDS, added, created
from resources.sandbox.endpoints.loyalty_v4 import CARD, CARD_ID, USER, USER_ID, card, shown_user, user
from resources.sandbox.endpoints.versions import loyalty_card_v4, loyalty_user_v4
from resources.sandbox.protocol.parameters import INCORRECT, Parameter, email, number, text
from resources.sandbox.protocol.replies import ApiError, Reply
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import Schema, listing

FIRST_NEW_CARD_ID = 900_000
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
FIELDS = ("first_name", "last_name", "address", "zip", "city", "phone", "email", *CUSTOM_FIELDS)
PERSON = tuple(email() if name == "email" else text(name) for name in FIELDS)
USERS: Schema = listing({"type": "object", "properties": {each.name: each.schema for each in PERSON}})


def copy(call: Call, state: State) -> Reply:
    """Copy a loyalty card without its users; it gets a code of its own and the name sent, if any."""
    old = decoded(lookup.row(state, "loyalty_cards", card(call, state)) or {}) or {}
    count = state.account.overlay.next_number()
    code = random_text(f"card/{count}", LETTERS, 6)
    name = call.text("name") or old.get("name", "")
    new = {**old, "ID": str(FIRST_NEW_CARD_ID + count), "code": code, "name": name}
    state.account.overlay.put(("loyalty_cards", ""), new)
    return Reply(encode_array([loyalty_card_v4(new)])[1:-1])


def create_user(call: Call, state: State) -> Reply:
    """Create a user of a loyalty card; the answer, the new user, is made up."""
    return shown_user(created(_sent(call), card(call, state), state))


def create_users(call: Call, state: State) -> Reply:
    """Create users of a loyalty card, all or none; the parameter `users`, an array, and the answer are made up."""
    card_id, users = card(call, state), call.parameters.get("users")
    if not isinstance(users, list) or not all(isinstance(each, Mapping) for each in users):
        raise ApiError(INCORRECT, "Invalid value in parameter: users")
    calls = [Call(call.method, call.path, each, {}, call.accepts_gzip) for each in users]
    for each in calls:
        for parameter in PERSON:
            parameter.check(each)
    return Reply(encode_array([loyalty_user_v4(created(_sent(each), card_id, state)) for each in calls]))


def update_user(call: Call, state: State) -> Reply:
    """Change a user of a loyalty card: the fields that are sent (path and answer are made up)."""
    return _changed(call, state, _sent(call))


def add_stamp(call: Call, state: State) -> Reply:
    """Add a stamp, or several, to a user of a loyalty card (path, parameter and answer are made up)."""
    old = decoded(user(call, state)) or {}
    return _changed(call, state, {"stamps": added(old.get("stamps"), int(call.text("amount") or 1))})


def _changed(call: Call, state: State, fields: Mapping[str, str]) -> Reply:
    new = {**(decoded(user(call, state)) or {}), **fields}
    state.account.overlay.put(("loyalty_users", card(call, state)), new)
    return shown_user(new)


def _sent(call: Call) -> dict[str, str]:
    return {name: value for name in FIELDS if (value := call.text(name)) is not None}


ROOT = "v4/loyalty/loyalty-cards/{loyaltyCardId}"

LOYALTY_UPDATES_V4 = (
    Endpoint(f"{ROOT}/copy", copy, (CARD_ID, text("name", longest=50)), bare=CARD, writes=True),
    Endpoint(f"{ROOT}/stats", create_user, (CARD_ID, *PERSON), bare=USER, writes=True),
    Endpoint(
        f"{ROOT}/stats/bulk",
        create_users,
        (CARD_ID, Parameter("users", USERS, required=True, note="the name is made up")),
        bare=listing(USER),
        writes=True,
    ),
    Endpoint(f"{ROOT}/stats/{{userId}}", update_user, (CARD_ID, USER_ID, *PERSON), bare=USER, writes=True),
    Endpoint(
        f"{ROOT}/stats/{{userId}}/stamp",
        add_stamp,
        (CARD_ID, USER_ID, number("amount", most=1000)),
        bare=USER,
        writes=True,
    ),
)
