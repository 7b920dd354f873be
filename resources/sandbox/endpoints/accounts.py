"""Subaccounts and signing on, and categories (API.md, sections 5.21 and 5.25)."""

from collections.abc import Callable

from resources.sandbox.account.overlay import Table
from resources.sandbox.account.record import Record, encode_array
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import SUBACCOUNT
from resources.sandbox.protocol.replies import ApiError, Reply, listed, spliced
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import listing, record

UNKNOWN_SUBACCOUNT = 510
SUBACCOUNT_RECORD = record("ID email first_name last_name company_name country status package expiry_date")


def category_list(table: Table) -> Callable[[Call, State], Reply]:
    """Return the endpoint of a list of categories."""

    def answer(call: Call, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
        """List categories in `categories` (section 5.21; the names of key and fields are made up)."""
        return listed("categories", state.account.rows(table, "", state.now), state.assumptions)

    return answer


def subaccount_list(call: Call, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """List subaccounts in `subaccount`, or bare (section 5.25; field names made up after subaccount/create)."""
    rows = state.account.rows("subaccounts", "", state.now)
    if state.assumptions.subaccount_envelope == "bare":
        return Reply(encode_array(rows))
    return listed("subaccount", rows, state.assumptions)


def subaccount_info(call: Call, state: State) -> Reply:
    """Show one subaccount in `subaccount`, or bare (section 5.25; field names made up)."""
    return shown(subaccount(call, state), state)


def subaccount(call: Call, state: State) -> Record:
    """Return the subaccount that the call names; error 510."""
    found = lookup.row(state, "subaccounts", lookup.named(call, "subaccount"))
    if found is None:
        raise ApiError(UNKNOWN_SUBACCOUNT, "Subaccount ID not correct")
    return found


def shown(found: Record, state: State) -> Reply:
    """Return the answer that is one subaccount."""
    body = encode_array([found])[1:-1]
    return Reply(body) if state.assumptions.subaccount_envelope == "bare" else spliced({}, "subaccount", body)


CATEGORIES = {"categories": listing(record("ID name"))}

ACCOUNTS = (
    Endpoint("v3/category/list", category_list("categories"), (), CATEGORIES),
    Endpoint("v3/category/main/list", category_list("main_categories"), (), CATEGORIES),
    Endpoint(
        "v4/subaccount/list",
        subaccount_list,
        (),
        {"subaccount": listing(SUBACCOUNT_RECORD)},
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
