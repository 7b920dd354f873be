"""Endpoints that fill SMS groups, and keep what is sent in the table `messages` (API.md, section 5.26)."""

from resources.sandbox.account.new_sessions import CUSTOM_FIELDS
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import CAMPAIGN, SMS_GROUP, UNKNOWN_CAMPAIGN
from resources.sandbox.endpoints.messaging import find_group
from resources.sandbox.endpoints.session_updates import keep_message
from resources.sandbox.protocol.parameters import Parameter, email, identifier, moment, text
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_fields
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import STRING, field_schemas, object_schema

UNDELIVERABLE = 604
FIRST_NEW_GROUP_ID = 900_000
PHONE = Parameter(
    "phone", {"type": "string", "pattern": r"^\+[1-9]\d{1,14}$"}, r"\+[1-9]\d{1,14}", required=True, note="E.164"
)


def add_group(request: ApiRequest, state: State) -> Reply:
    """Add an SMS group (the answer is made up)."""
    name = f"gro_{FIRST_NEW_GROUP_ID + state.account.overlay.next_number()}"
    state.account.overlay.put(("sms_groups", ""), {"ID": name, "name": request.required_text("group_name")})
    return reply_with_fields({"group": {"ID": name, "name": request.required_text("group_name")}})


def add_contact(request: ApiRequest, state: State) -> Reply:
    """Add a contact to an SMS group, or replace the one of the same number (that and the answer are made up)."""
    name = find_group(request, state)
    contact = {field: request.text(field) or "" for field in ("phone", "first_name", "last_name", *CUSTOM_FIELDS)}
    birthday = request.text("birthday")
    if birthday is not None:
        contact["birthday"] = birthday
    state.account.overlay.put(("sms_contacts", name), contact)
    return reply_with_fields({"group_id": name})


def send_email(request: ApiRequest, state: State) -> Reply:
    """Send a campaign or a directory by e-mail.

    What code 604 stands for is unknown (API.md, section 3.3); here, an address in the domain `.invalid` gets it.
    """
    name = request.required_text("campaign")
    if not name.startswith("dir_"):
        lookup.find_campaign(request, state)
    elif lookup.find_row(state, "directories", name) is None:
        raise ApiError(UNKNOWN_CAMPAIGN, "Directory ID not found")
    address = request.required_text("email")
    if address.endswith(".invalid"):
        raise ApiError(UNDELIVERABLE, "E-mail could not be sent")
    keep_message(request, state, kind="email", to=address, text=request.text("subject") or "")
    return reply_with_fields({"campaign": name})


def send_sms(request: ApiRequest, state: State) -> Reply:
    """Send a campaign by SMS."""
    campaign = lookup.find_campaign(request, state)
    keep_message(request, state, kind="sms", to=request.required_text("phone"), text=request.text("text") or "")
    return reply_with_fields({"campaign": campaign.campaign_id})


MESSAGING_UPDATES = (
    Endpoint(
        "v3/smstool/addgroup",
        add_group,
        (text("group_name", required=True),),
        {"group": object_schema("ID name")},
        needs="sms",
        writes=True,
    ),
    Endpoint(
        "v3/smstool/addcontact",
        add_contact,
        (
            SMS_GROUP,
            PHONE,
            *(text(name) for name in ("first_name", "last_name", *CUSTOM_FIELDS)),
            moment("birthday", "%Y-%m-%d", note="inferred from its error"),
        ),
        {"group_id": STRING},
        needs="sms",
        writes=True,
    ),
    Endpoint(
        "v3/send/email",
        send_email,
        (identifier("campaign", r"(cam|dir)_\d+"), email(required=True), text("subject")),
        field_schemas("campaign"),
        needs="email",
        writes=True,
    ),
    Endpoint(
        "v3/send/sms", send_sms, (CAMPAIGN, PHONE, text("text")), field_schemas("campaign"), needs="sms", writes=True
    ),
)
