"""Directories, their campaigns and registered users in v3 (API.md, sections 5.16 to 5.20)."""

from resources.sandbox.account.record import Record, decoded
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import DIRECTORY
from resources.sandbox.endpoints.versions import with_payment, without_payment
from resources.sandbox.protocol.parameters import number, page_number
from resources.sandbox.protocol.replies import Reply, listed
from resources.sandbox.protocol.replies import single as one
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import Schema, listing, record, single

DIRECTORY_FIELDS = "ID code name"
USER_FIELDS = (
    "ID registration_date_utc email phone first_name last_name birthday address zip city "
    "custom_1 custom_2 custom_3 payment_status blocked expires_at"
)
PAYMENT: Schema = {**record("currency amount type description"), "type": ["object", "array", "null"]}


def directory_list(call: Call, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """List directories in `directories` (section 5.16; the names are made up)."""
    rows = [without_payment(each) for each in state.account.rows("directories", "", state.now)]
    return listed("directories", rows, state.assumptions)


def directory_info(call: Call, state: State) -> Reply:
    """Show one directory with its payment in `directory` (section 5.17)."""
    found = with_payment(lookup.directory(call, state), state.assumptions)
    return one("directory", found, state.assumptions)


def directory_campaigns(call: Call, state: State) -> Reply:
    """List the campaigns of a directory in `campaigns` (section 5.18; the path is inferred, the names made up)."""
    lookup.directory(call, state)
    rows = state.account.rows("directory_campaigns", lookup.named(call, "directory"), state.now)
    return listed("campaigns", rows, state.assumptions)


def directoryusers_list(call: Call, state: State) -> Reply:
    """List the users registered for a directory in `users`, newest first, in pages (section 5.19; names made up)."""
    lookup.directory(call, state)
    rows = registered(lookup.named(call, "directory"), state)
    size = state.assumptions.registration_page_size
    offset = lookup.offset(page_number(call), len(rows), size, state.assumptions)
    return listed("users", rows[offset : offset + size], state.assumptions)


def registered(directory_id: str, state: State) -> list[Record]:
    """Return the users of a directory, newest first; a record without a readable date comes before all others."""
    rows = state.account.rows("registrations", directory_id, state.now)
    return sorted(
        rows, key=lambda each: str((decoded(each) or {}).get("registration_date_utc") or "9999"), reverse=True
    )


DIRECTORIES_V3 = (
    Endpoint("v3/directory/list", directory_list, (), {"directories": listing(record(DIRECTORY_FIELDS))}),
    Endpoint(
        "v3/directory/info",
        directory_info,
        (DIRECTORY,),
        {"directory": single(record(DIRECTORY_FIELDS, payment=PAYMENT))},
    ),
    Endpoint(
        "v3/directory/campaigns",
        directory_campaigns,
        (DIRECTORY,),
        {"campaigns": listing(record("ID code name title status url"))},
    ),
    Endpoint(
        "v3/directoryusers/list",
        directoryusers_list,
        (DIRECTORY, number("page")),
        {"users": listing(record(USER_FIELDS))},
    ),
)
