"""Endpoints that list subaccounts and categories (API.md, sections 5.21 and 5.25)."""

from collections.abc import Callable

from resources.sandbox.account.overlay import Table
from resources.sandbox.account.record import Record, encode_array
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import SUBACCOUNT
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_json, reply_with_list
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import array_schema, object_schema

UNKNOWN_SUBACCOUNT = 510
SUBACCOUNT_RECORD = object_schema("ID email first_name last_name company_name country status package expiry_date")


def list_categories_of(table: Table) -> Callable[[ApiRequest, State], Reply]:
    """Return the endpoint of a list of categories."""

    def answer(request: ApiRequest, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
        """List categories in `categories` (section 5.21; the names of key and fields are made up)."""
        return reply_with_list("categories", state.account.rows(table, "", state.now), state.assumptions)

    return answer


def subaccount_list(request: ApiRequest, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """List subaccounts in `subaccount`, or bare (section 5.25; field names made up after subaccount/create)."""
    rows = state.account.rows("subaccounts", "", state.now)
    if state.assumptions.subaccount_envelope == "bare":
        return Reply(encode_array(rows))
    return reply_with_list("subaccount", rows, state.assumptions)


def subaccount_info(request: ApiRequest, state: State) -> Reply:
    """Show one subaccount in `subaccount`, or bare (section 5.25; field names made up)."""
    return show_subaccount(find_subaccount(request, state), state)


def find_subaccount(request: ApiRequest, state: State) -> Record:
    """Return the subaccount that the request names; error 510."""
    record = lookup.find_row(state, "subaccounts", request.required_text("subaccount"))
    if record is None:
        raise ApiError(UNKNOWN_SUBACCOUNT, "Subaccount ID not correct")
    return record


def show_subaccount(record: Record, state: State) -> Reply:
    """Return the answer that is one subaccount."""
    body = encode_array([record])[1:-1]
    return Reply(body) if state.assumptions.subaccount_envelope == "bare" else reply_with_json({}, "subaccount", body)


CATEGORIES = {"categories": array_schema(object_schema("ID name"))}

ACCOUNTS = (
    Endpoint("v3/category/list", list_categories_of("categories"), (), CATEGORIES),
    Endpoint("v3/category/main/list", list_categories_of("main_categories"), (), CATEGORIES),
    Endpoint(
        "v4/subaccount/list",
        subaccount_list,
        (),
        {"subaccount": array_schema(SUBACCOUNT_RECORD)},
        needs="main_account",
    ),
    Endpoint(
        "v4/subaccount",
        subaccount_info,
        (SUBACCOUNT,),
        {"subaccount": SUBACCOUNT_RECORD},
        needs="main_account",
    ),
)
