"""Endpoints that make and remove single-use sessions (API.md, sections 5.22 to 5.24)."""

import string

import msgspec

from resources.sandbox.account.account import Campaign, FoundSession, SessionField
from resources.sandbox.account.new_sessions import (
    CUSTOM_FIELDS,
    FIRST_NEW_SEQUENCE_ID,
    apply_flags,
    make_random_text,
    make_session,
    read_group,
)
from resources.sandbox.account.session_fields import UTM
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import CAMPAIGN, SESSION
from resources.sandbox.protocol.parameters import (
    INCORRECT,
    MISSING,
    choice,
    email,
    identifier,
    is_switched_on,
    moment,
    number,
    switch,
    text,
)
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_fields
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import STRING, array_schema, field_schemas, object_schema

PERSON = ("firstname", "lastname", "email", "phone", *CUSTOM_FIELDS)
DUPLICATES: tuple[SessionField, ...] = ("email", "phone", "customid")
DIGITS = {"6digits": 6, "8digits": 8, "10digits": 10}
AUTOMATED = ("code_prefix", "code_length", "code_type")
CREATED = "single_use_code single_use_url widget_validation_code custom_validation_code"
STEPS = {"voided": "voided", "activated": "opened"}
"""What a status of multiplesingleuse/create does; that activating means opening is made up."""


def singleuse_create(request: ApiRequest, state: State) -> Reply:
    """Make a single-use session, or return the earlier one of the same person (section 5.22).

    `action` is made up, and that a `duplicate_check` of true means all three fields.
    """
    campaign = lookup.find_campaign(request, state)
    own, automatic = request.text("customvalcode"), request.text("autovalcode")
    if own is not None and automatic is not None:
        raise ApiError(INCORRECT, "customvalcode and autovalcode cannot be used together")
    session = _find_duplicate(request, state, campaign)
    if session is None:
        count = state.account.overlay.next_number()
        code = make_random_text(f"code/{count}", string.digits, DIGITS[automatic]) if automatic else own or ""
        person = {name: request.text(name) or "" for name in PERSON}
        session = make_session(
            count,
            _read_url(campaign),
            state.now,
            user=person,
            customid=request.text("customid") or "",
            status={"own_validation_code": code, **_read_channel_and_expiry(request)},
        )
        state.account.add_sessions(campaign.campaign_id, session)
    head = {"campaign": campaign.campaign_id, "action": "single_use_code_created"}
    return reply_with_fields({**head, **_show_created(session), "customid": session.get("customid", "")})


def multiplesingleuse_create(request: ApiRequest, state: State) -> Reply:
    """Make many single-use sessions in one second (section 5.23).

    That a code is the prefix and `code_length` more characters is made up.
    """
    campaign = lookup.find_campaign(request, state)
    automated = is_switched_on(request, "automated_codes")
    for name in AUTOMATED:
        if automated and request.text(name) is None:
            raise ApiError(MISSING, f"Missing parameter: {name}")
    step = STEPS.get(request.text("status") or "")
    letters = string.digits if request.text("code_type") == "numeric" else string.digits + string.ascii_uppercase
    sessions, data = [], []
    for _ in range(int(request.text("amount") or 10)):
        count, code = state.account.overlay.next_number(), ""
        if automated:
            code = request.required_text("code_prefix")
            code += make_random_text(f"code/{count}", letters, int(request.required_text("code_length")))
        session = make_session(count, _read_url(campaign), state.now, status={"own_validation_code": code})
        session = apply_flags(session, {step: True}, state.now) if step else session
        # As text: a hundred thousand mappings would take several times the memory.
        sessions.append(msgspec.json.encode(session))
        data.append({**_show_created(session), "sequence_id": FIRST_NEW_SEQUENCE_ID + count})
    state.account.add_sessions(campaign.campaign_id, *sessions)
    # The official page prints it with a blank before it.
    action = " multiple_single_use_codes_created"
    return reply_with_fields({"campaign": campaign.campaign_id, "action": action, "data": data})


def singleuse_remove(request: ApiRequest, state: State) -> Reply:
    """Remove a session and its address (section 5.24; path, parameters and answer are made up)."""
    campaign_id, session = lookup.find_session(request, state)
    state.account.remove_session(str(session["session"]))
    return reply_with_fields(
        {"campaign": campaign_id, "action": "single_use_code_removed", "single_use_code": session["session"]}
    )


def _find_duplicate(request: ApiRequest, state: State, campaign: Campaign) -> dict[str, object] | None:
    """Return the earlier session of the same person, if `duplicate_check` asks for it and there is one."""
    by = (request.text("duplicate_check") or "false").lower()
    fields = DUPLICATES if by in ("true", "1") else [field for field in DUPLICATES if field == by]
    for field in fields:
        value = request.text(field)
        sessions: list[FoundSession] = []
        if value is not None:
            sessions = list(state.account.find_sessions(field, value, state.now, campaign.campaign_id))
        if sessions:
            return dict(sessions[0][1])
    return None


def _read_channel_and_expiry(request: ApiRequest) -> dict[str, str]:
    """Return the fields of a session's status that its parameters name."""
    channel = {name: value for name in UTM if (value := request.text(name)) is not None}
    expiry = request.text("expiry_date")
    return channel if expiry is None else channel | {"expiration_date": f"{expiry[:10]} {expiry[11:]}"}


def _show_created(session: dict[str, object]) -> dict[str, object]:
    name = str(session["session"])
    return {
        "single_use_code": name,
        "single_use_url": session.get("session_url", ""),
        "widget_validation_code": name[:6],
        "custom_validation_code": read_group(session, "status").get("own_validation_code", ""),
    }


def _read_url(campaign: Campaign) -> str:
    return f"https://digicpn.com/p/{campaign.record.get('code', '')}"


SINGLE_USE = (
    Endpoint(
        "v3/singleuse/create",
        singleuse_create,
        (
            CAMPAIGN,
            *(text(name) for name in ("firstname", "lastname", "phone")),
            email(),
            text("customid", max_length=50),
            text("customvalcode", max_length=100, note="not together with autovalcode"),
            choice("autovalcode", *DIGITS),
            *(text(name, max_length=50) for name in CUSTOM_FIELDS),
            choice("duplicate_check", "email", "phone", "customid", "true", "false", "1", "0"),
            moment("expiry_date", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d:%H:%M:%S"),
            *(text(name) for name in UTM),
        ),
        field_schemas(f"campaign action {CREATED} customid"),
        writes=True,
    ),
    Endpoint(
        "v3/multiplesingleuse/create",
        multiplesingleuse_create,
        (
            CAMPAIGN,
            number("amount", maximum=100_000, note="default 10"),
            choice("status", "normal", "voided", "activated"),
            switch("automated_codes"),
            text("code_prefix"),
            number("code_length", minimum=10, maximum=25),
            choice("code_type", "numeric", "alphanumeric"),
        ),
        {"campaign": STRING, "action": STRING, "data": array_schema(object_schema(f"{CREATED} sequence_id:integer"))},
        writes=True,
    ),
    Endpoint(
        "v3/singleuse/remove",
        singleuse_remove,
        (SESSION, identifier("campaign", r"cam_\d+", required=False)),
        field_schemas("campaign action single_use_code"),
        writes=True,
    ),
)
