"""Endpoints that change sessions, and push messages to them: couponsession/update, coupon/pushnotification/*."""

from collections.abc import Mapping

from resources.sandbox.account.new_sessions import CUSTOM_FIELDS, apply_flags, read_group
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import CAMPAIGN, SESSION
from resources.sandbox.protocol.parameters import choice, identifier, is_switched_on, switch, text
from resources.sandbox.protocol.replies import Reply, reply_with_fields
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import INTEGER, STRING, array_schema

STEPS = {"void": "voided", "claim": "claimed", "validate": "validated", "lock": "locked"}
NOTED = ("validation_value", "redeem_location_ID")
"""What is noted at a validation."""
CHANGES = (
    choice("operation", *STEPS.values(), note="validated is documented, the others are made up"),
    *(switch(name, note="false undoes it; the name is made up") for name in STEPS),
    *(text(name, note="the name is made up") for name in NOTED),
    *(text(name, max_length=50) for name in CUSTOM_FIELDS),
)
MESSAGE = text("message", required=True)


def couponsession_update(request: ApiRequest, state: State) -> Reply:
    """Void, claim, validate or lock a session or undo that, and set its custom fields (API.md, section 5.5).

    `couponsession` may be the first 6 letters: the first such session is meant. Parameters but that one and
    `operation`, and the answer, are made up.
    """
    campaign_id, session = lookup.find_session_by_any_id(request.required_text("couponsession"), state)
    _update(request, state, session)
    return reply_with_fields(
        {"campaign": campaign_id, "action": "couponsession_updated", "session": session["session"]}
    )


def couponsession_multiupdate(request: ApiRequest, state: State) -> Reply:
    """Do what couponsession/update does to several sessions, or to none if one is unknown (section 5.6).

    Path, parameters (`couponsessions`, comma-separated or an array) and answer are made up.
    """
    names = dict.fromkeys(request.required_text("couponsessions").split(","))
    sessions = [lookup.find_session_by_any_id(name, state)[1] for name in names]
    for session in sessions:
        _update(request, state, session)
    updated = [session["session"] for session in sessions]
    return reply_with_fields(
        {"action": "couponsessions_updated", "amount_of_results": len(updated), "sessions": updated}
    )


def push_single(request: ApiRequest, state: State) -> Reply:
    """Push a message to the owner of a session (section 5.9)."""
    campaign = lookup.find_campaign(request, state)
    _, session = lookup.find_session_by_any_id(request.required_text("couponsession"), state, campaign.campaign_id)
    keep_message(request, state, kind="coupon_push", to=str(session["session"]), text=request.required_text("message"))
    return reply_with_fields({})


def push_all(request: ApiRequest, state: State) -> Reply:
    """Push a message to the owners of all sessions of a campaign (section 5.9; the path is inferred)."""
    campaign = lookup.find_campaign(request, state)
    keep_message(request, state, kind="coupon_push", to=campaign.campaign_id, text=request.required_text("message"))
    return reply_with_fields({})


def keep_message(request: ApiRequest, state: State, **fields: str) -> None:
    """Keep what the API would have sent, in the table `messages`."""
    number = state.account.overlay.next_number()
    state.account.overlay.put(("messages", ""), {"ID": f"msg_{number}", "path": request.path, **fields})


def _update(request: ApiRequest, state: State, session: Mapping[str, object]) -> None:
    flags = {flag: is_switched_on(request, name) for name, flag in STEPS.items() if request.text(name) is not None}
    if operation := request.text("operation"):
        flags[operation] = True
    custom = {name: value for name in CUSTOM_FIELDS if (value := request.text(name)) is not None}
    noted = {name: value for name in NOTED if (value := request.text(name)) is not None}
    new = apply_flags(session, flags, state.now)
    if noted:
        new["status"] = {**read_group(new, "status"), **noted}
    if custom:
        new["user"] = {**read_group(session, "user"), **custom}
    state.account.replace_session(str(session["session"]), new)


SESSION_UPDATES = (
    Endpoint(
        "v3/couponsession/update",
        couponsession_update,
        (SESSION, *CHANGES),
        {"campaign": STRING, "action": STRING, "session": STRING},
        writes=True,
    ),
    Endpoint(
        "v3/couponsession/multiupdate",
        couponsession_multiupdate,
        (identifier("couponsessions", r"[A-Za-z0-9]+(,[A-Za-z0-9]+)*"), *CHANGES),
        {"action": STRING, "amount_of_results": INTEGER, "sessions": array_schema(STRING)},
        writes=True,
    ),
    Endpoint(
        "v3/coupon/pushnotification/single",
        push_single,
        (CAMPAIGN, SESSION, MESSAGE),
        error_shape="E3",
        writes=True,
    ),
    Endpoint("v3/coupon/pushnotification/all", push_all, (CAMPAIGN, MESSAGE), error_shape="E3", writes=True),
)
