"""Directories and their users in v4: bare arrays and objects (API.md, section 6.1)."""

from resources.sandbox.account.record import Record, encode_array
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.directories_v3 import PAYMENT, registered
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import UNKNOWN_DIRECTORY
from resources.sandbox.endpoints.versions import directory_v4, listed_directory_v4, registration_v4
from resources.sandbox.protocol.parameters import Parameter, page_number
from resources.sandbox.protocol.replies import ApiError, Reply
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import NUMBER_OR_TEXT, listing, record

USER = record(
    "id created_at email phone first_name last_name birth_date address zip city custom_1 custom_2 custom_3 "
    "payment_status blocked:boolean expires_at"
)
DIRECTORY_ID = Parameter("directory", required=True, place="path")
USER_ID = Parameter("userId", required=True, place="path")
PAGE = Parameter(
    "page",
    {"type": "integer", "minimum": 1},
    r"0*[1-9]\d{0,8}",
    place="query",
    note="undocumented; without effect unless pages are assumed",
)


def directories(call: Call, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """List directories."""
    rows = state.account.rows("directories", "", state.now)
    return Reply(encode_array(listed_directory_v4(each, state.assumptions) for each in rows))


def directory_info(call: Call, state: State) -> Reply:
    """Show one directory; its fields are made up, after directory/info of v3."""
    name = directory(call, state)
    found = [each for each in [lookup.row(state, "directories", name)] if each is not None]
    return Reply(encode_array(directory_v4(each, state.assumptions) for each in found)[1:-1])


def users(call: Call, state: State) -> Reply:
    """List the users of a directory, newest first; `id` and `created_at` were seen, the other names are made up."""
    rows = registered(directory(call, state), state)
    size = state.assumptions.v4_registration_page_size
    if size is not None:
        page = page_number(call)
        rows = rows[(page - 1) * size : page * size]
    return Reply(encode_array(registration_v4(each, state.assumptions) for each in rows))


def user_info(call: Call, state: State) -> Reply:
    """Show one user of a directory; the field names are made up."""
    return shown_user(user(call, state), state)


def directory(call: Call, state: State) -> str:
    """Return the v3 id of the directory in the path; error 404."""
    name = lookup.named(call, "directory")
    if state.assumptions.v4_directory_ids == "integer":
        name = f"dir_{name}"
    if lookup.row(state, "directories", name) is None:
        raise ApiError(UNKNOWN_DIRECTORY, "Directory not found")
    return name


def user(call: Call, state: State) -> Record:
    """Return the user in the path, in v3 spelling; error 404."""
    found = lookup.row(state, "registrations", lookup.named(call, "userId"), directory(call, state))
    if found is None:
        raise ApiError(UNKNOWN_DIRECTORY, "User not found")
    return found


def shown_user(found: Record, state: State) -> Reply:
    """Return the answer that is one user."""
    return Reply(encode_array([registration_v4(found, state.assumptions)])[1:-1])


DIRECTORIES_V4 = (
    Endpoint("v4/directory", directories, bare=listing(record("name", id=NUMBER_OR_TEXT)), method="GET"),
    Endpoint(
        "v4/directory/{directory}",
        directory_info,
        (DIRECTORY_ID,),
        bare=record("code name", id=NUMBER_OR_TEXT, payment=PAYMENT),
        method="GET",
    ),
    Endpoint("v4/directory/{directory}/users", users, (DIRECTORY_ID, PAGE), bare=listing(USER), method="GET"),
    Endpoint("v4/directory/{directory}/users/{userId}", user_info, (DIRECTORY_ID, USER_ID), bare=USER, method="GET"),
)
