"""Finds the records that a request names, and the first row of the page that it asks for."""

from resources.sandbox.account.account import Campaign, FoundSession
from resources.sandbox.account.overlay import Table
from resources.sandbox.account.record import Record, read_record_id
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.endpoints.endpoint import State
from resources.sandbox.protocol.parameters import INCORRECT, identifier
from resources.sandbox.protocol.replies import ApiError
from resources.sandbox.protocol.request import ApiRequest

UNKNOWN_CAMPAIGN, UNKNOWN_SESSION, UNKNOWN_CARD_IN_INFO, UNKNOWN_CARD, UNKNOWN_DIRECTORY = 502, 505, 507, 505, 507

CAMPAIGN = identifier("campaign", r"cam_\d+")
SESSION = identifier("couponsession", r"[A-Za-z0-9]+")
CARD = identifier("loyaltycard", r"[A-Za-z0-9_]+", note="the form of the id is unknown")
CARD_USER = identifier("user", r"[A-Za-z0-9_]+", note="the form of the id is unknown")
DIRECTORY = identifier("directory", r"dir_\d+")
REGISTRATION = identifier("user", r"reg_\d+")
SUBACCOUNT = identifier("subaccount", r"sub_\d+")
SMS_GROUP = identifier("smsgroup", r"gro_\d+")


def find_campaign(request: ApiRequest, state: State) -> Campaign:
    """Return the campaign that the request names; error 502."""
    name = request.required_text("campaign")
    for campaign in state.account.campaigns(state.now):
        if campaign.campaign_id == name:
            return campaign
    raise ApiError(UNKNOWN_CAMPAIGN, "Campaign ID not found")


def find_session(request: ApiRequest, state: State) -> FoundSession:
    """Return the session that the request names by its full id, and its campaign's id; error 505."""
    session = state.account.session(request.required_text("couponsession"), state.now)
    if session is None:
        raise ApiError(UNKNOWN_SESSION, "Couponsession not found.")
    return session


def find_session_by_any_id(name: str, state: State, campaign_id: str | None = None) -> FoundSession:
    """Return the session with this full or 6-character id, of one campaign or of all; error 505."""
    session = state.account.session(name, state.now)
    if session is None and len(name) == 6:
        session = next(iter(state.account.find_sessions("short_code", name, state.now, campaign_id)), None)
    if session is None or campaign_id not in (None, session[0]):
        raise ApiError(UNKNOWN_SESSION, "Couponsession not found.")
    return session


def find_row(state: State, table: Table, name: str, parent: str = "") -> Record | None:
    """Return the record of this id in a table, or None."""
    rows = state.account.rows(table, parent, state.now)
    return next((record for record in rows if read_record_id(record) == name), None)


def find_card(request: ApiRequest, state: State, code: int = UNKNOWN_CARD) -> Record:
    """Return the loyalty card that the request names; error 505, or 507 in loyalty/info (API.md, section 3.3)."""
    record = find_row(state, "loyalty_cards", request.required_text("loyaltycard"))
    if record is None:
        raise ApiError(code, "Loyalty card not found" if code == UNKNOWN_CARD_IN_INFO else "Loyalty card ID not found")
    return record


def find_directory(request: ApiRequest, state: State) -> Record:
    """Return the directory that the request names; error 507."""
    record = find_row(state, "directories", request.required_text("directory"))
    if record is None:
        raise ApiError(UNKNOWN_DIRECTORY, "Directory ID not found")
    return record


def find_page_start(page: int, total: int, size: int, assumptions: Assumptions) -> int:
    """Return the offset of a page; past the end, that of the page that is assumed to be served, or error 300."""
    pages = max(1, -(-total // size))
    if page > pages:
        match assumptions.past_end:
            case "error":
                raise ApiError(INCORRECT, "Invalid value in parameter: page")
            case "last_page":
                page = pages
            case "first_page":
                page = 1
    return (page - 1) * size
