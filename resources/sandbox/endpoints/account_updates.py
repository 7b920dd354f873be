"""Endpoints that make and change subaccounts, and sign on (API.md, section 5.25). Their tokens work nowhere."""

from resources.sandbox.account.new_sessions import ALPHABET, make_random_text
from resources.sandbox.account.record import decode_record
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.accounts import SUBACCOUNT_RECORD, find_subaccount, show_subaccount
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import SUBACCOUNT
from resources.sandbox.protocol.parameters import MISSING, choice, email, identifier, moment, text
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_fields
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import field_schemas, object_schema

TAKEN, UNKNOWN_TEAMMATE = 304, 503
FIRST_NEW_SUBACCOUNT_ID = 90_000
FIELDS = ("email", "first_name", "last_name", "company_name", "country", "status", "package", "expiry_date")
PAGES = ("campaigns", "add_campaign", "update_campaign", "statistics", "distribution")


def create(request: ApiRequest, state: State) -> Reply:
    """Create a subaccount; a trial unless `status` says otherwise (the answer is made up)."""
    _refuse_taken(request, state, own=None)
    fields = {name: request.text(name) or "" for name in FIELDS}
    name = f"sub_{FIRST_NEW_SUBACCOUNT_ID + state.account.overlay.next_number()}"
    new = {"ID": name} | fields | {"status": fields["status"] or "trial"}
    state.account.overlay.put(("subaccounts", ""), new)
    return show_subaccount(new, state)


def update(request: ApiRequest, state: State) -> Reply:
    """Change the fields of a subaccount that are sent (path, parameters and answer are made up)."""
    old = decode_record(find_subaccount(request, state)) or {}
    _refuse_taken(request, state, own=str(old.get("ID")))
    new = {**old, **{name: value for name in FIELDS if (value := request.text(name)) is not None}}
    state.account.overlay.put(("subaccounts", ""), new)
    return show_subaccount(new, state)


def reset_url(request: ApiRequest, state: State) -> Reply:
    """Make an address at which a subaccount's password can be reset (the answer is made up)."""
    find_subaccount(request, state)
    return reply_with_fields({"reset_url": f"https://example.com/reset/{_make_token(state)}"})


def subaccount_sign_on(request: ApiRequest, state: State) -> Reply:
    """Sign on to a subaccount; `update_campaign` needs a campaign (the path is made up)."""
    find_subaccount(request, state)
    if request.text("page") == "update_campaign" and request.text("campaign") is None:
        raise ApiError(MISSING, "Missing parameter: campaign")
    token = _make_token(state)
    urls = {
        "url": f"https://example.com/sso/{token}",
        "url_whitelabel": f"https://whitelabel.example.com/sso/{token}",
    }
    return reply_with_fields({"subaccount": {"ID": request.required_text("subaccount"), "token": token, **urls}})


def account_sign_on(request: ApiRequest, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """Sign on to the account itself (the answer is made up)."""
    token = _make_token(state)
    return reply_with_fields({"account": {"token": token, "url": f"https://example.com/sso/{token}"}})


def teammate_sign_on(request: ApiRequest, state: State) -> Reply:
    """Sign a teammate on, perhaps at a campaign (the answer is made up; that `campaign` exists is inferred)."""
    if lookup.find_row(state, "teammates", request.required_text("teammate")) is None:
        raise ApiError(UNKNOWN_TEAMMATE, "Teammate ID not found")
    if request.text("campaign") is not None:
        lookup.find_campaign(request, state)
    token = _make_token(state)
    urls = {"token": token, "url": f"https://example.com/sso/{token}"}
    return reply_with_fields({"teammate": {"ID": request.required_text("teammate"), **urls}})


def _refuse_taken(request: ApiRequest, state: State, own: str | None) -> None:
    sent = request.text("email")
    rows = [decode_record(row) or {} for row in state.account.rows("subaccounts", "", state.now)]
    if sent is not None and any(row.get("email") == sent and row.get("ID") != own for row in rows):
        raise ApiError(TAKEN, "E-mail already exists")


def _make_token(state: State) -> str:
    return make_random_text(f"token/{state.account.overlay.next_number()}", ALPHABET, 40)


OTHERS = (
    text("password", note="if absent, the API sends a mail; the sandbox does not"),
    identifier("package", r"pac_\d+", required=False),
    choice("status", "trial", "customer"),
    *(text(name) for name in ("first_name", "last_name", "company_name")),
    identifier("country", "[A-Za-z]{2}", required=False, note="ISO 3166 alpha-2"),
    moment("expiry_date", "%Y-%m-%d"),
)

ACCOUNT_UPDATES = (
    Endpoint(
        "v4/subaccount/create",
        create,
        (email(required=True), *OTHERS),
        {"subaccount": SUBACCOUNT_RECORD},
        needs="main_account",
        writes=True,
    ),
    Endpoint(
        "v4/subaccount/update",
        update,
        (SUBACCOUNT, email(), *OTHERS),
        {"subaccount": SUBACCOUNT_RECORD},
        needs="main_account",
        writes=True,
    ),
    Endpoint(
        "v3/subaccount/reset/url",
        reset_url,
        (SUBACCOUNT,),
        field_schemas("reset_url"),
        needs="main_account",
        writes=True,
    ),
    Endpoint(
        "v3/subaccount/sso",
        subaccount_sign_on,
        (SUBACCOUNT, choice("page", *PAGES), identifier("campaign", r"cam_\d+", required=False)),
        {"subaccount": object_schema("ID token url url_whitelabel")},
        needs="main_account",
        writes=True,
    ),
    Endpoint("v3/account/sso", account_sign_on, (), {"account": object_schema("token url")}, writes=True),
    Endpoint(
        "v3/teammate/sso",
        teammate_sign_on,
        (identifier("teammate", r"\d+"), identifier("campaign", r"cam_\d+", required=False)),
        {"teammate": object_schema("ID token url")},
        writes=True,
    ),
)
