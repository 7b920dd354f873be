"""Endpoints that make and change registered users of directories, in v3 and v4 (API.md, sections 5.20 and 6.1)."""

from collections.abc import Mapping

from resources.sandbox.account.new_sessions import ALPHABET, format_date, make_random_text
from resources.sandbox.account.record import decode_record
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.directories_v3 import USER_FIELDS
from resources.sandbox.endpoints.directories_v4 import DIRECTORY_ID, USER, USER_ID, find_directory, find_user, show_user
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import DIRECTORY, REGISTRATION, UNKNOWN_DIRECTORY
from resources.sandbox.protocol.parameters import choice, email, is_switched_on, moment, switch, text
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_fields
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import field_schemas, object_schema

FIRST_NEW_REGISTRATION_ID = 9_000_000
FIELDS = ("first_name", "last_name", "phone", "address", "zip", "city", "custom_1", "custom_2", "custom_3")


def directoryusers_update(request: ApiRequest, state: State) -> Reply:
    """Set the payment status of a user (section 5.20; the names of parameter and answer are made up)."""
    lookup.find_directory(request, state)
    name = request.required_text("directory")
    record = lookup.find_row(state, "registrations", request.required_text("user"), name)
    if record is None:
        raise ApiError(UNKNOWN_DIRECTORY, "User ID not found")
    new = {**(decode_record(record) or {}), "payment_status": request.required_text("payment_status")}
    state.account.overlay.put(("registrations", name), new)
    return reply_with_fields({"user": new})


def create_user(request: ApiRequest, state: State) -> Reply:
    """Register a user for a directory; the answer, the new user, is made up."""
    user = {
        "ID": f"reg_{FIRST_NEW_REGISTRATION_ID + state.account.overlay.next_number()}",
        "registration_date_utc": format_date(state.now),
        **{name: request.text(name) or "" for name in ("email", *FIELDS)},
        "birthday": request.text("birth_date") or "",
        "payment_status": "",
        "blocked": "0",
        "expires_at": "",
    }
    state.account.overlay.put(("registrations", find_directory(request, state)), user)
    return show_user(user, state)


def block_user(request: ApiRequest, state: State) -> Reply:
    """Block or unblock a user of a directory; the answer is made up."""
    blocked = {"blocked": "1" if is_switched_on(request, "block") else "0"}
    return _change_user(request, state, blocked if request.text("block") is not None else {})


def give_access(request: ApiRequest, state: State) -> Reply:
    """Give a user of a directory paid access until a moment; the answer is made up."""
    return _change_user(request, state, {"expires_at": request.required_text("expires_at")})


def revoke_access(request: ApiRequest, state: State) -> Reply:
    """Take paid access from a user of a directory; the answer is made up."""
    return _change_user(request, state, {"expires_at": ""})


def sign_on(request: ApiRequest, state: State) -> Reply:
    """Make a single-use token for a user of a directory; the answer is made up, and the token works nowhere."""
    find_user(request, state)
    token = make_random_text(f"token/{state.account.overlay.next_number()}", ALPHABET, 40)
    return Reply(f'{{"token":"{token}","url":"https://example.com/sso/{token}"}}'.encode())


def _change_user(request: ApiRequest, state: State, fields: Mapping[str, str]) -> Reply:
    new = {**(decode_record(find_user(request, state)) or {}), **fields}
    state.account.overlay.put(("registrations", find_directory(request, state)), new)
    return show_user(new, state)


ROOT = "v4/directory/{directory}/users"
ONE = (DIRECTORY_ID, USER_ID)

DIRECTORY_UPDATES = (
    Endpoint(
        "v3/directoryusers/update",
        directoryusers_update,
        (DIRECTORY, REGISTRATION, choice("payment_status", "paid", "unpaid", required=True)),
        {"user": object_schema(USER_FIELDS)},
        writes=True,
    ),
    Endpoint(
        ROOT,
        create_user,
        (
            DIRECTORY_ID,
            email(required=True),
            text("password"),
            *(text(name) for name in FIELDS),
            moment("birth_date", "%Y-%m-%d"),
        ),
        bare=USER,
        writes=True,
    ),
    Endpoint(f"{ROOT}/{{userId}}", block_user, (*ONE, switch("block")), bare=USER, writes=True),
    Endpoint(
        f"{ROOT}/{{userId}}/access",
        give_access,
        (*ONE, moment("expires_at", "%Y-%m-%d %H:%M:%S", required=True, note="UTC")),
        bare=USER,
        writes=True,
    ),
    Endpoint(f"{ROOT}/{{userId}}/access", revoke_access, ONE, bare=USER, method="DELETE", writes=True),
    Endpoint(
        f"{ROOT}/{{userId}}/sso",
        sign_on,
        ONE,
        bare={"type": "object", "properties": field_schemas("token url")},
        writes=True,
    ),
)
