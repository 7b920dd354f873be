"""Endpoints that read campaigns: coupon/list and coupon/info (API.md, sections 5.1 and 5.2)."""

from resources.sandbox.account.account import Campaign
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.protocol.parameters import identifier, is_switched_on, switch, text
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_list, reply_with_record
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import INTEGER, array_schema, object_schema, single_schema

UNKNOWN_FOLDER = 515
SEEN = "ID code name title status url"


def coupon_list(request: ApiRequest, state: State) -> Reply:
    """List campaigns in `coupon_info`, an array (section 5.1)."""
    campaigns = state.account.campaigns(state.now)
    folder, category, tags = request.text("folder"), request.text("category"), request.text("tags")
    if folder is not None and folder not in {campaign.folder for campaign in campaigns}:
        raise ApiError(UNKNOWN_FOLDER, "Folder not found")
    wanted_tags = {tag.strip() for tag in (tags or "").split(",")} - {""}
    enough = any if state.assumptions.tags_match == "any" else all
    only_active = is_switched_on(request, "only_active")
    rows = [
        _show_campaign(campaign, state)
        for campaign in campaigns
        if (folder is None or campaign.folder == folder)
        and (category is None or campaign.category == category)
        and (not wanted_tags or enough(tag in campaign.tags for tag in wanted_tags))
        and (not only_active or campaign.is_active)
    ]
    return reply_with_list("coupon_info", rows, state.assumptions)


def coupon_info(request: ApiRequest, state: State) -> Reply:
    """Show one campaign in `coupon_info`, an object (section 5.2).

    The names of its two usage statistics are undocumented; these are made up.
    """
    campaign = lookup.find_campaign(request, state)
    row = _show_campaign(campaign, state)
    if is_switched_on(request, "show_usage_stats"):
        total, claimed = state.account.custom_codes(campaign.campaign_id, state.now)
        row |= {"total_custom_validation_codes": total, "claimed_custom_validation_codes": claimed}
    return reply_with_record("coupon_info", row, state.assumptions)


def _show_campaign(campaign: Campaign, state: State) -> dict[str, object]:
    hints = campaign.hints if state.assumptions.campaign_fields == "hinted" else {}
    return {**campaign.record, **hints}


COUPONS = (
    Endpoint(
        "v3/coupon/list",
        coupon_list,
        (
            switch("only_active"),
            text("folder"),
            text("tags", note="comma-separated"),
            identifier("category", r"cat_\w+", required=False),
        ),
        {"coupon_info": array_schema(object_schema(SEEN))},
    ),
    Endpoint(
        "v3/coupon/info",
        coupon_info,
        (lookup.CAMPAIGN, switch("show_usage_stats")),
        {
            "coupon_info": single_schema(
                object_schema(SEEN, total_custom_validation_codes=INTEGER, claimed_custom_validation_codes=INTEGER)
            )
        },
    ),
)
