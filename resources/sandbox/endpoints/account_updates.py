"""Making and changing subaccounts, and signing on (API.md, section 5.25). Tokens are made up and work nowhere."""

from resources.sandbox.account.new_sessions import ALPHABET, random_text
from resources.sandbox.account.record import decoded
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.accounts import SUBACCOUNT_RECORD, shown, subaccount
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import SUBACCOUNT
from resources.sandbox.protocol.parameters import MISSING, choice, email, identifier, moment, text
from resources.sandbox.protocol.replies import ApiError, Reply, success
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import named, record

TAKEN, UNKNOWN_TEAMMATE = 304, 503
FIRST_NEW_SUBACCOUNT_ID = 90_000
FIELDS = ("email", "first_name", "last_name", "company_name", "country", "status", "package", "expiry_date")
PAGES = ("campaigns", "add_campaign", "update_campaign", "statistics", "distribution")


def create(call: Call, state: State) -> Reply:
    """Create a subaccount; a trial unless `status` says otherwise (the answer is made up)."""
    _refuse_taken(call, state, own=None)
    fields = {name: call.text(name) or "" for name in FIELDS}
    name = f"sub_{FIRST_NEW_SUBACCOUNT_ID + state.account.overlay.next_number()}"
    new = {"ID": name} | fields | {"status": fields["status"] or "trial"}
    state.account.overlay.put(("subaccounts", ""), new)
    return shown(new, state)


def update(call: Call, state: State) -> Reply:
    """Change the fields of a subaccount that are sent (path, parameters and answer are made up)."""
    old = decoded(subaccount(call, state)) or {}
    _refuse_taken(call, state, own=str(old.get("ID")))
    new = {**old, **{name: value for name in FIELDS if (value := call.text(name)) is not None}}
    state.account.overlay.put(("subaccounts", ""), new)
    return shown(new, state)


def reset_url(call: Call, state: State) -> Reply:
    """Make an address at which a subaccount's password can be set anew (the answer is made up)."""
    subaccount(call, state)
    return success({"reset_url": f"https://example.com/reset/{_token(state)}"})


def subaccount_sign_on(call: Call, state: State) -> Reply:
    """Sign on to a subaccount; `update_campaign` needs a campaign (the path is made up)."""
    subaccount(call, state)
    if call.text("page") == "update_campaign" and call.text("campaign") is None:
        raise ApiError(MISSING, "Missing parameter: campaign")
    token = _token(state)
    urls = {
        "url": f"https://example.com/sso/{token}",
        "url_whitelabel": f"https://whitelabel.example.com/sso/{token}",
    }
    return success({"subaccount": {"ID": lookup.named(call, "subaccount"), "token": token, **urls}})


def account_sign_on(call: Call, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
    """Sign on to the account itself (the answer is made up)."""
    token = _token(state)
    return success({"account": {"token": token, "url": f"https://example.com/sso/{token}"}})


def teammate_sign_on(call: Call, state: State) -> Reply:
    """Sign a teammate on, perhaps at a campaign (the answer is made up; that `campaign` exists is inferred)."""
    if lookup.row(state, "teammates", lookup.named(call, "teammate")) is None:
        raise ApiError(UNKNOWN_TEAMMATE, "Teammate ID not found")
    if call.text("campaign") is not None:
        lookup.campaign(call, state)
    token = _token(state)
    urls = {"token": token, "url": f"https://example.com/sso/{token}"}
    return success({"teammate": {"ID": lookup.named(call, "teammate"), **urls}})


def _refuse_taken(call: Call, state: State, own: str | None) -> None:
    sent = call.text("email")
    rows = [decoded(each) or {} for each in state.account.rows("subaccounts", "", state.now)]
    if sent is not None and any(row.get("email") == sent and row.get("ID") != own for row in rows):
        raise ApiError(TAKEN, "E-mail already exists")


def _token(state: State) -> str:
    return random_text(f"token/{state.account.overlay.next_number()}", ALPHABET, 40)


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
        named("reset_url"),
        needs="main_account",
        writes=True,
    ),
    Endpoint(
        "v3/subaccount/sso",
        subaccount_sign_on,
        (SUBACCOUNT, choice("page", *PAGES), identifier("campaign", r"cam_\d+", required=False)),
        {"subaccount": record("ID token url url_whitelabel")},
        needs="main_account",
        writes=True,
    ),
    Endpoint("v3/account/sso", account_sign_on, (), {"account": record("token url")}, writes=True),
    Endpoint(
        "v3/teammate/sso",
        teammate_sign_on,
        (identifier("teammate", r"\d+"), identifier("campaign", r"cam_\d+", required=False)),
        {"teammate": record("ID token url")},
        writes=True,
    ),
)
