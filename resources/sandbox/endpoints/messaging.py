"""Endpoints that read the address books of the SMS and e-mail tools (API.md, section 5.26)."""

from collections.abc import Callable

from resources.sandbox.account.overlay import Table
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import SMS_GROUP
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_list
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import INTEGER, STRING, array_schema, object_schema

UNKNOWN_GROUP = 514
CONTACT = object_schema(
    "phone first_name last_name "
    "customfield1 customfield2 customfield3 customfield4 customfield5 customfield6 customfield7"
)


def list_groups_of(table: Table) -> Callable[[ApiRequest, State], Reply]:
    """Return the endpoint of a list of groups; that of the e-mail tool is made up after the SMS tool's."""

    def answer(request: ApiRequest, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
        """List groups in `group`, with their number (section 5.26)."""
        rows = state.account.rows(table, "", state.now)
        return reply_with_list("group", rows, state.assumptions, {"amount_of_groups": len(rows)})

    return answer


def sms_users(request: ApiRequest, state: State) -> Reply:
    """List the contacts of an SMS group in `users` (section 5.26; all names but `group_id` are made up)."""
    name = find_group(request, state)
    return reply_with_list(
        "users", state.account.rows("sms_contacts", name, state.now), state.assumptions, {"group_id": name}
    )


def find_group(request: ApiRequest, state: State) -> str:
    """Return the id of the SMS group that the request names; error 514."""
    name = request.required_text("smsgroup")
    if lookup.find_row(state, "sms_groups", name) is None:
        raise ApiError(UNKNOWN_GROUP, "Group ID not found")
    return name


GROUPS = {"amount_of_groups": INTEGER, "group": array_schema(object_schema("ID name"))}

MESSAGING = (
    Endpoint("v3/smstool/grouplist", list_groups_of("sms_groups"), (), GROUPS, needs="sms"),
    Endpoint(
        "v3/smstool/userlist",
        sms_users,
        (SMS_GROUP,),
        {"group_id": STRING, "users": array_schema(CONTACT)},
        needs="sms",
    ),
    Endpoint("v3/emailtool/grouplist", list_groups_of("email_groups"), (), GROUPS, needs="email"),
)
