"""Endpoints that read sessions: campaign/*, couponsession/data, couponsession/search."""

from collections.abc import Callable, Mapping

from resources.sandbox.account.account import FoundSession, SessionDate, SessionField, SessionKind, SessionQuery
from resources.sandbox.account.record import encode_array
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.windows import WINDOW, read_end_date, read_start_date
from resources.sandbox.protocol.parameters import Parameter, number, read_page_number, text
from resources.sandbox.protocol.replies import Reply, reply_with_fields, reply_with_json, reply_with_record
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import (
    NUMBER_OR_TEXT,
    STRING,
    Schema,
    array_schema,
    object_schema,
    single_schema,
)

EVENT_DATES: Mapping[SessionKind, SessionDate] = {
    "opens": "opened",
    "claims": "claimed",
    "validations": "validated",
}
SEARCHED: tuple[SessionField, ...] = ("own_validation_code", "phone", "email")
ROW = object_schema("sequenceid session session_url customid", status={"type": "object"}, user={"type": "object"})


def list_sessions_of(kind: SessionKind) -> Callable[[ApiRequest, State], Reply]:
    """Return the endpoint of campaign/{data, opens, claims, validations}."""

    def answer(request: ApiRequest, state: State) -> Reply:
        """List the sessions of a campaign, or those opened, claimed or validated, in pages (API.md, section 5.3)."""
        assumptions = state.assumptions
        campaign = lookup.find_campaign(request, state)
        own = assumptions.data_filter if kind == "data" else EVENT_DATES[kind]
        query = SessionQuery(
            kind=kind,
            date="created" if kind != "data" and assumptions.event_filter == "created" else own,
            start=read_start_date(request, assumptions),
            end=read_end_date(request, assumptions),
            newest_first=assumptions.session_order == "newest_first",
            seen_fields_only=assumptions.row_fields in ({"seen"} if kind == "data" else {"seen", "seen_in_events"}),
        )
        rows = state.account.sessions(campaign.campaign_id, query, state.now)
        size = assumptions.session_page_size
        offset = lookup.find_page_start(read_page_number(request), rows.total, size, assumptions)
        length, data = rows.encode(offset, size)
        return _show_page(length if assumptions.amount_meaning == "page" else rows.total, length, data, assumptions)

    return answer


def couponsession_data(request: ApiRequest, state: State) -> Reply:
    """Show one session, its ids at top level, the rest in `data` (section 5.4)."""
    campaign_id, session = lookup.find_session(request, state)
    top = ("session", "session_url", "sequenceid", "customid")
    head = {
        "campaign": campaign_id,
        "action": "retrieve_all_session_data",
        **{name: session[name] for name in top if name in session},
    }
    rest = {name: value for name, value in session.items() if name not in top}
    return reply_with_record("data", rest, state.assumptions, head)


def couponsession_search(request: ApiRequest, state: State) -> Reply:
    """Find sessions by own validation code, phone number or e-mail address (section 5.7).

    The names of parameter and payload are made up, after loyaltyusers/search and campaign/data.
    """
    return _show_found(search_sessions(request, state, None), state)


def campaign_search(request: ApiRequest, state: State) -> Reply:
    """Find sessions of one campaign as couponsession/search does (section 5.8); all of it is made up."""
    return _show_found(search_sessions(request, state, lookup.find_campaign(request, state).campaign_id), state)


def search_sessions(request: ApiRequest, state: State, campaign_id: str | None) -> list[FoundSession]:
    """Return the sessions with the text searched for, each once."""
    text = request.required_text("search")
    sessions = {}
    for field in SEARCHED:
        for campaign, session in state.account.find_sessions(field, text, state.now, campaign_id):
            sessions[campaign, str(session.get("session"))] = (campaign, session)
    return list(sessions.values())


def _show_found(sessions: list[FoundSession], state: State) -> Reply:
    rows = [{"campaign": campaign_id, **session} for campaign_id, session in sessions]
    return _show_page(len(rows), len(rows), encode_array(rows), state.assumptions)


def _show_page(amount: int, length: int, data: bytes, assumptions: Assumptions) -> Reply:
    head = {"amount_of_results": amount if assumptions.amount_type == "integer" else str(amount)}
    if length == 0 and assumptions.empty_data == "absent":
        return reply_with_fields(head)
    return reply_with_json(head, "data", data)


PAGE: Mapping[str, Schema] = {"amount_of_results": NUMBER_OR_TEXT, "data": array_schema(ROW)}
PAGES: tuple[Parameter, ...] = (lookup.CAMPAIGN, number("page"), *WINDOW)
SEARCH = text("search", required=True, note="the name is made up")

COUPON_SESSIONS = (
    Endpoint("v3/campaign/data", list_sessions_of("data"), PAGES, PAGE),
    Endpoint("v3/campaign/opens", list_sessions_of("opens"), PAGES, PAGE),
    Endpoint("v3/campaign/claims", list_sessions_of("claims"), PAGES, PAGE),
    Endpoint("v3/campaign/validations", list_sessions_of("validations"), PAGES, PAGE),
    Endpoint(
        "v3/couponsession/data",
        couponsession_data,
        (lookup.SESSION,),
        dict.fromkeys(("campaign", "action", "session", "session_url", "sequenceid", "customid"), STRING)
        | {"data": single_schema(object_schema("", status={"type": "object"}, user={"type": "object"}))},
    ),
    Endpoint("v3/couponsession/search", couponsession_search, (SEARCH,), PAGE),
    Endpoint("v3/campaign/search", campaign_search, (lookup.CAMPAIGN, SEARCH), PAGE),
)
