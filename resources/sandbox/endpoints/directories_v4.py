"""Endpoints that read directories and their users in v4: bare arrays and objects (API.md, section 6.1)."""

from resources.sandbox.account.record import Record, encode_array
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.directories_v3 import PAYMENT, sort_registrations
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import UNKNOWN_DIRECTORY
from resources.sandbox.endpoints.versions import convert_directory, convert_listed_directory, convert_registration
from resources.sandbox.protocol.parameters import Parameter, read_page_number
from resources.sandbox.protocol.replies import ApiError, Reply
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import NUMBER_OR_TEXT, array_schema, object_schema

USER = object_schema(
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


def directories(request: ApiRequest, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """List directories."""
    rows = state.account.rows("directories", "", state.now)
    return Reply(encode_array(convert_listed_directory(row, state.assumptions) for row in rows))


def directory_info(request: ApiRequest, state: State) -> Reply:
    """Show one directory; its fields are made up, after directory/info of v3."""
    name = find_directory(request, state)
    records = [row for row in [lookup.find_row(state, "directories", name)] if row is not None]
    return Reply(encode_array(convert_directory(row, state.assumptions) for row in records)[1:-1])


def users(request: ApiRequest, state: State) -> Reply:
    """List the users of a directory, newest first; `id` and `created_at` were seen, the other names are made up."""
    rows = sort_registrations(find_directory(request, state), state)
    size = state.assumptions.v4_registration_page_size
    if size is not None:
        page = read_page_number(request)
        rows = rows[(page - 1) * size : page * size]
    return Reply(encode_array(convert_registration(row, state.assumptions) for row in rows))


def user_info(request: ApiRequest, state: State) -> Reply:
    """Show one user of a directory; the field names are made up."""
    return show_user(find_user(request, state), state)


def find_directory(request: ApiRequest, state: State) -> str:
    """Return the v3 id of the directory in the path; error 404."""
    name = request.required_text("directory")
    if state.assumptions.v4_directory_ids == "integer":
        name = f"dir_{name}"
    if lookup.find_row(state, "directories", name) is None:
        raise ApiError(UNKNOWN_DIRECTORY, "Directory not found")
    return name


def find_user(request: ApiRequest, state: State) -> Record:
    """Return the user in the path, in v3 spelling; error 404."""
    record = lookup.find_row(state, "registrations", request.required_text("userId"), find_directory(request, state))
    if record is None:
        raise ApiError(UNKNOWN_DIRECTORY, "User not found")
    return record


def show_user(record: Record, state: State) -> Reply:
    """Return the answer that is one user."""
    return Reply(encode_array([convert_registration(record, state.assumptions)])[1:-1])


DIRECTORIES_V4 = (
    Endpoint("v4/directory", directories, bare=array_schema(object_schema("name", id=NUMBER_OR_TEXT)), method="GET"),
    Endpoint(
        "v4/directory/{directory}",
        directory_info,
        (DIRECTORY_ID,),
        bare=object_schema("code name", id=NUMBER_OR_TEXT, payment=PAYMENT),
        method="GET",
    ),
    Endpoint("v4/directory/{directory}/users", users, (DIRECTORY_ID, PAGE), bare=array_schema(USER), method="GET"),
    Endpoint("v4/directory/{directory}/users/{userId}", user_info, (DIRECTORY_ID, USER_ID), bare=USER, method="GET"),
)
