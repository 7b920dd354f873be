"""Endpoints that make and change loyalty cards and their users in v4 (API.md, section 6.2)."""

from collections.abc import Mapping

from resources.sandbox.account.new_sessions import make_random_text
from resources.sandbox.account.record import decode_record, encode_array
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.loyalty_updates import CUSTOM_FIELDS, add_amount, add_user
from resources.sandbox.endpoints.loyalty_v4 import CARD, CARD_ID, USER, USER_ID, find_card, find_user, show_user
from resources.sandbox.endpoints.versions import convert_loyalty_card, convert_loyalty_user
from resources.sandbox.protocol.parameters import INCORRECT, Parameter, check_parameters, email, number, text
from resources.sandbox.protocol.replies import ApiError, Reply
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import Schema, array_schema

FIRST_NEW_CARD_ID = 900_000
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
FIELDS = ("first_name", "last_name", "address", "zip", "city", "phone", "email", *CUSTOM_FIELDS)
PERSON = tuple(email() if name == "email" else text(name) for name in FIELDS)
USERS: Schema = array_schema({"type": "object", "properties": {field.name: field.schema for field in PERSON}})


def copy(request: ApiRequest, state: State) -> Reply:
    """Copy a loyalty card without its users; it gets a code of its own and the name sent, if any."""
    old = decode_record(lookup.find_row(state, "loyalty_cards", find_card(request, state)) or {}) or {}
    count = state.account.overlay.next_number()
    code = make_random_text(f"card/{count}", LETTERS, 6)
    name = request.text("name") or old.get("name", "")
    new = {**old, "ID": str(FIRST_NEW_CARD_ID + count), "code": code, "name": name}
    state.account.overlay.put(("loyalty_cards", ""), new)
    return Reply(encode_array([convert_loyalty_card(new)])[1:-1])


def create_user(request: ApiRequest, state: State) -> Reply:
    """Create a user of a loyalty card; the answer, the new user, is made up."""
    return show_user(add_user(_read_fields(request), find_card(request, state), state))


def create_users(request: ApiRequest, state: State) -> Reply:
    """Create users of a loyalty card, all or none; the parameter `users`, an array, and the answer are made up."""
    card_id, users = find_card(request, state), request.parameters.get("users")
    if not isinstance(users, list) or not all(isinstance(user, Mapping) for user in users):
        raise ApiError(INCORRECT, "Invalid value in parameter: users")
    requests = [ApiRequest(request.method, request.path, user, {}, request.accepts_gzip) for user in users]
    for single_request in requests:
        check_parameters(PERSON, single_request)
    created = [add_user(_read_fields(single_request), card_id, state) for single_request in requests]
    return Reply(encode_array(map(convert_loyalty_user, created)))


def update_user(request: ApiRequest, state: State) -> Reply:
    """Change a user of a loyalty card: the fields that are sent (path and answer are made up)."""
    return _change_user(request, state, _read_fields(request))


def add_stamp(request: ApiRequest, state: State) -> Reply:
    """Add a stamp, or several, to a user of a loyalty card (path, parameter and answer are made up)."""
    old = decode_record(find_user(request, state)) or {}
    return _change_user(request, state, {"stamps": add_amount(old.get("stamps"), int(request.text("amount") or 1))})


def _change_user(request: ApiRequest, state: State, fields: Mapping[str, str]) -> Reply:
    new = {**(decode_record(find_user(request, state)) or {}), **fields}
    state.account.overlay.put(("loyalty_users", find_card(request, state)), new)
    return show_user(new)


def _read_fields(request: ApiRequest) -> dict[str, str]:
    return {name: value for name in FIELDS if (value := request.text(name)) is not None}


ROOT = "v4/loyalty/loyalty-cards/{loyaltyCardId}"

LOYALTY_UPDATES_V4 = (
    Endpoint(f"{ROOT}/copy", copy, (CARD_ID, text("name", max_length=50)), bare=CARD, writes=True),
    Endpoint(f"{ROOT}/stats", create_user, (CARD_ID, *PERSON), bare=USER, writes=True),
    Endpoint(
        f"{ROOT}/stats/bulk",
        create_users,
        (CARD_ID, Parameter("users", USERS, required=True, note="the name is made up")),
        bare=array_schema(USER),
        writes=True,
    ),
    Endpoint(f"{ROOT}/stats/{{userId}}", update_user, (CARD_ID, USER_ID, *PERSON), bare=USER, writes=True),
    Endpoint(
        f"{ROOT}/stats/{{userId}}/stamp",
        add_stamp,
        (CARD_ID, USER_ID, number("amount", maximum=1000)),
        bare=USER,
        writes=True,
    ),
)
