"""Changing sessions, and pushing messages to them: couponsession/update, coupon/pushnotification/*."""

from collections.abc import Mapping

from resources.sandbox.account.new_sessions import CUSTOM_FIELDS, group, turned
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import CAMPAIGN, SESSION
from resources.sandbox.protocol.parameters import identifier, is_on, switch, text
from resources.sandbox.protocol.replies import Reply, success
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import INTEGER, STRING, listing

STEPS = {"void": "voided", "claim": "claimed", "validate": "validated"}
CHANGES = (
    *(switch(name, note="false takes it back; the name is made up") for name in STEPS),
    *(text(name, longest=50) for name in CUSTOM_FIELDS),
)
MESSAGE = text("message", required=True)


def couponsession_update(call: Call, state: State) -> Reply:
    """Void, claim or validate a session or take it back, and set its custom fields (API.md, section 5.5).

    `couponsession` may be the first 6 letters: the first such session is meant. Parameters but that one, and the
    answer, are made up.
    """
    campaign_id, session = lookup.any_session(lookup.named(call, "couponsession"), state)
    _update(call, state, session)
    return success({"campaign": campaign_id, "action": "couponsession_updated", "session": session["session"]})


def couponsession_multiupdate(call: Call, state: State) -> Reply:
    """Do what couponsession/update does to several sessions, or to none if one is unknown (section 5.6).

    Path, parameters (`couponsessions`, comma-separated or an array) and answer are made up.
    """
    names = dict.fromkeys(lookup.named(call, "couponsessions").split(","))
    sessions = [lookup.any_session(name, state)[1] for name in names]
    for session in sessions:
        _update(call, state, session)
    names_of = [session["session"] for session in sessions]
    return success({"action": "couponsessions_updated", "amount_of_results": len(sessions), "sessions": names_of})


def push_single(call: Call, state: State) -> Reply:
    """Push a message to the owner of a session (section 5.9)."""
    campaign = lookup.campaign(call, state)
    _, session = lookup.any_session(lookup.named(call, "couponsession"), state, campaign.campaign_id)
    send(call, state, kind="coupon_push", to=str(session["session"]), text=lookup.named(call, "message"))
    return success({})


def push_all(call: Call, state: State) -> Reply:
    """Push a message to the owners of all sessions of a campaign (section 5.9; the path is inferred)."""
    campaign = lookup.campaign(call, state)
    send(call, state, kind="coupon_push", to=campaign.campaign_id, text=lookup.named(call, "message"))
    return success({})


def send(call: Call, state: State, **fields: str) -> None:
    """Keep what the API would have sent, in the table `messages`."""
    number = state.account.overlay.next_number()
    state.account.overlay.put(("messages", ""), {"ID": f"msg_{number}", "path": call.path, **fields})


def _update(call: Call, state: State, session: Mapping[str, object]) -> None:
    flags = {flag: is_on(call, name) for name, flag in STEPS.items() if call.text(name) is not None}
    custom = {name: value for name in CUSTOM_FIELDS if (value := call.text(name)) is not None}
    new = turned(session, flags, state.now)
    if custom:
        new["user"] = {**group(session, "user"), **custom}
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
        {"action": STRING, "amount_of_results": INTEGER, "sessions": listing(STRING)},
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
