"""Filling SMS groups, and sending (API.md, section 5.26). Nothing leaves the machine: see the table `messages`."""

from resources.sandbox.account.new_sessions import CUSTOM_FIELDS
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import CAMPAIGN, SMS_GROUP, UNKNOWN_CAMPAIGN
from resources.sandbox.endpoints.messaging import group
from resources.sandbox.endpoints.session_updates import send
from resources.sandbox.protocol.parameters import Parameter, email, identifier, moment, text
from resources.sandbox.protocol.replies import ApiError, Reply, success
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import STRING, named, record

UNDELIVERABLE = 604
FIRST_NEW_GROUP_ID = 900_000
PHONE = Parameter(
    "phone", {"type": "string", "pattern": r"^\+[1-9]\d{1,14}$"}, r"\+[1-9]\d{1,14}", required=True, note="E.164"
)


def add_group(call: Call, state: State) -> Reply:
    """Add an SMS group (the answer is made up)."""
    name = f"gro_{FIRST_NEW_GROUP_ID + state.account.overlay.next_number()}"
    state.account.overlay.put(("sms_groups", ""), {"ID": name, "name": lookup.named(call, "group_name")})
    return success({"group": {"ID": name, "name": lookup.named(call, "group_name")}})


def add_contact(call: Call, state: State) -> Reply:
    """Add a contact to an SMS group, or replace the one of the same number (that and the answer are made up)."""
    name = group(call, state)
    contact = {field: call.text(field) or "" for field in ("phone", "first_name", "last_name", *CUSTOM_FIELDS)}
    birthday = call.text("birthday")
    if birthday is not None:
        contact["birthday"] = birthday
    state.account.overlay.put(("sms_contacts", name), contact)
    return success({"group_id": name})


def send_email(call: Call, state: State) -> Reply:
    """Send a campaign or a directory by e-mail.

    Code 604 is known by its first letter only; here an address in the reserved domain `.invalid` brings it about.
    """
    name = lookup.named(call, "campaign")
    if not name.startswith("dir_"):
        lookup.campaign(call, state)
    elif lookup.row(state, "directories", name) is None:
        raise ApiError(UNKNOWN_CAMPAIGN, "Directory ID not found")
    address = lookup.named(call, "email")
    if address.endswith(".invalid"):
        raise ApiError(UNDELIVERABLE, "E-mail could not be sent")
    send(call, state, kind="email", to=address, text=call.text("subject") or "")
    return success({"campaign": name})


def send_sms(call: Call, state: State) -> Reply:
    """Send a campaign by SMS."""
    campaign = lookup.campaign(call, state)
    send(call, state, kind="sms", to=lookup.named(call, "phone"), text=call.text("text") or "")
    return success({"campaign": campaign.campaign_id})


MESSAGING_UPDATES = (
    Endpoint(
        "v3/smstool/addgroup",
        add_group,
        (text("group_name", required=True),),
        {"group": record("ID name")},
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
        named("campaign"),
        needs="email",
        writes=True,
    ),
    Endpoint("v3/send/sms", send_sms, (CAMPAIGN, PHONE, text("text")), named("campaign"), needs="sms", writes=True),
)
