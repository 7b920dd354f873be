"""The endpoints: one function each, and the table that says which path it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from resources.sandbox.assumptions import Assumptions
from resources.sandbox.calls import Call
from resources.sandbox.parameters import end_date, identifier, page_number, required, start_date, switch
from resources.sandbox.replies import ApiError, Reply, success
from resources.sandbox.source import Campaign, SessionDate, SessionKind, SessionQuery, Source

PAST_END, UNKNOWN_CAMPAIGN, UNKNOWN_SESSION, UNKNOWN_FOLDER = 300, 502, 505, 515
EVENT_DATES: Mapping[SessionKind, SessionDate] = {
    "opens": "opened",
    "claims": "claimed",
    "validations": "validated",
}


@dataclass(frozen=True)
class State:
    """What an endpoint answers from: the account at one moment (naive UTC), under the assumptions."""

    source: Source
    assumptions: Assumptions
    now: datetime


Endpoint = Callable[[Call, State], Reply]


def coupon_list(call: Call, state: State) -> Reply:
    """Answer coupon/list: campaigns in `coupon_info`, an array (section 5.1)."""
    campaigns = state.source.campaigns(state.now)
    folder, category, tags = call.text("folder"), call.text("category"), call.text("tags")
    if folder is not None and folder not in {each.folder for each in campaigns}:
        raise ApiError(UNKNOWN_FOLDER, "Folder not found")
    if category is not None:
        identifier(category, "category", r"cat_\w+")
    wanted = {tag.strip() for tag in (tags or "").split(",")} - {""}
    enough = any if state.assumptions.tags_match == "any" else all
    only_active = switch(call, "only_active")
    rows = [
        _campaign_row(each, state)
        for each in campaigns
        if (folder is None or each.folder == folder)
        and (category is None or each.category == category)
        and (not wanted or enough(tag in each.tags for tag in wanted))
        and (not only_active or each.is_active)
    ]
    return success({"coupon_info": rows})


def coupon_info(call: Call, state: State) -> Reply:
    """Answer coupon/info: one campaign in `coupon_info`, an object (section 5.2).

    The names of its two usage statistics are undocumented; these are made up.
    """
    campaign = _campaign(call, state)
    row = _campaign_row(campaign, state)
    if switch(call, "show_usage_stats"):
        total, claimed = state.source.custom_codes(campaign.campaign_id, state.now)
        row |= {"total_custom_validation_codes": total, "claimed_custom_validation_codes": claimed}
    return success({"coupon_info": row})


def campaign_sessions(kind: SessionKind) -> Endpoint:
    """Return the endpoint of campaign/{data, opens, claims, validations}: pages of sessions (section 5.3)."""

    def answer(call: Call, state: State) -> Reply:
        assumptions = state.assumptions
        campaign = _campaign(call, state)
        own = assumptions.data_filter if kind == "data" else EVENT_DATES[kind]
        query = SessionQuery(
            kind=kind,
            date="created" if kind != "data" and assumptions.event_filter == "created" else own,
            start=start_date(call, assumptions),
            end=end_date(call, assumptions),
            newest_first=assumptions.session_order == "newest_first",
            seen_fields_only=assumptions.row_fields == "seen",
        )
        page = page_number(call)
        rows = state.source.sessions(campaign.campaign_id, query, state.now)
        offset = _offset(page, rows.total, assumptions)
        length, data = rows.encode(offset, assumptions.session_page_size)
        return _session_page(length if assumptions.amount_meaning == "page" else rows.total, length, data, assumptions)

    return answer


def couponsession_data(call: Call, state: State) -> Reply:
    """Answer couponsession/data: one session, its ids at top level, the rest in `data` (section 5.4)."""
    session_id = identifier(required(call, "couponsession"), "couponsession", r"[A-Za-z0-9]+")
    found = state.source.session(session_id, state.now)
    if found is None:
        raise ApiError(UNKNOWN_SESSION, "Couponsession not found.")
    campaign_id, record = found
    top = ("session", "session_url", "sequenceid", "customid")
    return success(
        {
            "campaign": campaign_id,
            "action": "retrieve_all_session_data",
            **{name: record[name] for name in top if name in record},
            "data": {name: value for name, value in record.items() if name not in top},
        }
    )


ENDPOINTS: Mapping[str, Endpoint] = {
    "v3/coupon/list": coupon_list,
    "v3/coupon/info": coupon_info,
    "v3/campaign/data": campaign_sessions("data"),
    "v3/campaign/opens": campaign_sessions("opens"),
    "v3/campaign/claims": campaign_sessions("claims"),
    "v3/campaign/validations": campaign_sessions("validations"),
    "v3/couponsession/data": couponsession_data,
}


def _campaign(call: Call, state: State) -> Campaign:
    """Return the campaign that the call names; errors 200, 301, 502."""
    campaign_id = identifier(required(call, "campaign"), "campaign", r"cam_\d+")
    for campaign in state.source.campaigns(state.now):
        if campaign.campaign_id == campaign_id:
            return campaign
    raise ApiError(UNKNOWN_CAMPAIGN, "Campaign ID not found")


def _campaign_row(campaign: Campaign, state: State) -> dict[str, object]:
    hints = campaign.hints if state.assumptions.campaign_fields == "hinted" else {}
    return {**campaign.record, **hints}


def _offset(page: int, total: int, assumptions: Assumptions) -> int:
    size = assumptions.session_page_size
    pages = max(1, -(-total // size))
    if page > pages:
        match assumptions.past_end:
            case "error":
                raise ApiError(PAST_END, "Invalid value in parameter: page")
            case "last_page":
                page = pages
            case "first_page":
                page = 1
    return (page - 1) * size


def _session_page(amount: int, length: int, data: bytes, assumptions: Assumptions) -> Reply:
    count = amount if assumptions.amount_type == "integer" else str(amount)
    envelope = msgspec.json.encode({"status": {"status": "OK"}, "amount_of_results": count})
    if length == 0 and assumptions.empty_data == "absent":
        return Reply(envelope)
    return Reply(envelope[:-1] + b',"data":' + data + b"}")
