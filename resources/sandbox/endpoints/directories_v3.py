"""Endpoints that read directories, their campaigns and registered users in v3 (API.md, sections 5.16 to 5.20)."""

from resources.sandbox.account.record import Record, decode_record
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import DIRECTORY
from resources.sandbox.endpoints.versions import add_payment, drop_payment
from resources.sandbox.protocol.parameters import number, read_page_number
from resources.sandbox.protocol.replies import Reply, reply_with_list, reply_with_record
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import Schema, array_schema, object_schema, single_schema

DIRECTORY_FIELDS = "ID code name"
USER_FIELDS = (
    "ID registration_date_utc email phone first_name last_name birthday address zip city "
    "custom_1 custom_2 custom_3 payment_status blocked expires_at"
)
PAYMENT: Schema = {**object_schema("currency amount type description"), "type": ["object", "array", "null"]}


def directory_list(request: ApiRequest, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """List directories in `directories` (section 5.16; the names are made up)."""
    rows = [drop_payment(row) for row in state.account.rows("directories", "", state.now)]
    return reply_with_list("directories", rows, state.assumptions)


def directory_info(request: ApiRequest, state: State) -> Reply:
    """Show one directory with its payment in `directory` (section 5.17)."""
    record = add_payment(lookup.find_directory(request, state), state.assumptions)
    return reply_with_record("directory", record, state.assumptions)


def directory_campaigns(request: ApiRequest, state: State) -> Reply:
    """List the campaigns of a directory in `campaigns` (section 5.18; the path is inferred, the names made up)."""
    lookup.find_directory(request, state)
    rows = state.account.rows("directory_campaigns", request.required_text("directory"), state.now)
    return reply_with_list("campaigns", rows, state.assumptions)


def directoryusers_list(request: ApiRequest, state: State) -> Reply:
    """List the users registered for a directory in `users`, newest first, in pages (section 5.19; names made up)."""
    lookup.find_directory(request, state)
    rows = sort_registrations(request.required_text("directory"), state)
    size = state.assumptions.registration_page_size
    offset = lookup.find_page_start(read_page_number(request), len(rows), size, state.assumptions)
    return reply_with_list("users", rows[offset : offset + size], state.assumptions)


def sort_registrations(directory_id: str, state: State) -> list[Record]:
    """Return the users of a directory, newest first; a record without a readable date comes before all others."""
    rows = state.account.rows("registrations", directory_id, state.now)
    return sorted(
        rows, key=lambda row: str((decode_record(row) or {}).get("registration_date_utc") or "9999"), reverse=True
    )


DIRECTORIES_V3 = (
    Endpoint("v3/directory/list", directory_list, (), {"directories": array_schema(object_schema(DIRECTORY_FIELDS))}),
    Endpoint(
        "v3/directory/info",
        directory_info,
        (DIRECTORY,),
        {"directory": single_schema(object_schema(DIRECTORY_FIELDS, payment=PAYMENT))},
    ),
    Endpoint(
        "v3/directory/campaigns",
        directory_campaigns,
        (DIRECTORY,),
        {"campaigns": array_schema(object_schema("ID code name title status url"))},
    ),
    Endpoint(
        "v3/directoryusers/list",
        directoryusers_list,
        (DIRECTORY, number("page")),
        {"users": array_schema(object_schema(USER_FIELDS))},
    ),
)
