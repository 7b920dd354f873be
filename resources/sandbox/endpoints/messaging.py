"""Address books of the SMS and e-mail tools (API.md, section 5.26)."""

from collections.abc import Callable

from resources.sandbox.account.overlay import Table
from resources.sandbox.endpoints import lookup
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.endpoints.lookup import SMS_GROUP
from resources.sandbox.protocol.replies import ApiError, Reply, listed
from resources.sandbox.protocol.request import Call
from resources.sandbox.protocol.schemas import INTEGER, STRING, listing, record

UNKNOWN_GROUP = 514
CONTACT = record(
    "phone first_name last_name "
    "customfield1 customfield2 customfield3 customfield4 customfield5 customfield6 customfield7"
)


def group_list(table: Table) -> Callable[[Call, State], Reply]:
    """Return the endpoint of a list of groups; that of the e-mail tool is made up after the SMS tool's."""

    def answer(call: Call, state: State) -> Reply:  # noqa: ARG001 - it takes no parameter
        """List groups in `group`, with their number (section 5.26)."""
        rows = state.account.rows(table, "", state.now)
        return listed("group", rows, state.assumptions, {"amount_of_groups": len(rows)})

    return answer


def sms_users(call: Call, state: State) -> Reply:
    """List the contacts of an SMS group in `users` (section 5.26; all names but `group_id` are made up)."""
    name = group(call, state)
    return listed("users", state.account.rows("sms_contacts", name, state.now), state.assumptions, {"group_id": name})


def group(call: Call, state: State) -> str:
    """Return the id of the SMS group that the call names; error 514."""
    name = lookup.named(call, "smsgroup")
    if lookup.row(state, "sms_groups", name) is None:
        raise ApiError(UNKNOWN_GROUP, "Group ID not found")
    return name


GROUPS = {"amount_of_groups": INTEGER, "group": listing(record("ID name"))}

MESSAGING = (
    Endpoint("v3/smstool/grouplist", group_list("sms_groups"), (), GROUPS, needs="sms"),
    Endpoint(
        "v3/smstool/userlist",
        sms_users,
        (SMS_GROUP,),
        {"group_id": STRING, "users": listing(CONTACT)},
        needs="sms",
    ),
    Endpoint("v3/emailtool/grouplist", group_list("email_groups"), (), GROUPS, needs="email"),
)
