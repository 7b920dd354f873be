"""The endpoints that the export may call: all of them read, none creates, updates, sends or opens anything.

`ENDPOINTS` says for each part of an account where it is read, in v3 and in v4, and which of the two is read unless
COUPONTOOLS_API_VERSIONS says otherwise. Ids of the two versions may differ, so descriptions and children of a record
are requested by the ids of the version that is read. Sections are those of API.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from resources.settings import SettingsError

Version = Literal["v3", "v4"]


@dataclass(frozen=True)
class Endpoint:
    """A reading endpoint."""

    path: str
    """Its path below the API's root; `{parent}` in it stands for the id of the parent."""
    method: Literal["GET", "POST"] = "POST"
    records: str | None = None
    """The documented key of the record list; None if none is documented."""
    parent: str | None = None
    """What its records belong to; the name of the parameter, unless the parent is in the path."""
    fixed_parameters: tuple[tuple[str, object], ...] = ()
    one: bool = False
    """Whether it answers with a single record."""
    windowed: bool = False
    """Whether it takes start_date and end_date."""
    page: str | None = None
    """The parameter that counts pages from 1; None if there are no pages."""
    newest_first: bool = False
    """Whether the list is sorted by date, newest first, so that reading can stop before the window."""
    not_found_codes: frozenset[int] = frozenset()
    """The application codes that say that the parent no longer exists."""
    not_available_codes: frozenset[int] = frozenset()
    """The application codes that say that the account does not have this part."""
    identified_by: str | None = None
    """The field that marks an answer without an id as the record itself."""
    guessed: bool = False
    """Whether nothing documents the path, so that a 404 means an empty part."""
    may_hide_records: bool = False
    """Whether it may leave out records that are still in the account, so that it is no evidence of deletions."""

    @property
    def version(self) -> Version:
        """The version of the API that has it."""
        return "v4" if self.path.startswith("v4/") else "v3"


@dataclass(frozen=True)
class Part:
    """Where a part of the account is read: one endpoint for each version, and the version that is read by default."""

    default: Version
    v3: Endpoint | None = None
    v4: Endpoint | None = None


def _sessions(name: str) -> Part:
    # section 5.3; which date the window filters is seen in client code for the events, assumed for data (created)
    return Part(
        "v3",
        Endpoint(
            f"v3/campaign/{name}",
            records="data",
            parent="campaign",
            windowed=True,
            page="page",
            not_found_codes=frozenset({502}),
        ),
    )


_CARD, _DIRECTORY = "v4/loyalty/loyalty-cards/{parent}", "v4/directory/{parent}"

ENDPOINTS: Mapping[str, Part] = {
    # campaigns: v3 only (section 6.3)
    "campaigns": Part("v3", Endpoint("v3/coupon/list", records="coupon_info")),
    "active_campaigns": Part(
        "v3",
        Endpoint(
            "v3/coupon/list", records="coupon_info", fixed_parameters=(("only_active", True),), may_hide_records=True
        ),
    ),
    "campaign_info": Part(
        "v3",
        Endpoint(
            "v3/coupon/info",
            records="coupon_info",
            parent="campaign",
            one=True,
            fixed_parameters=(("show_usage_stats", True),),
            not_found_codes=frozenset({502}),
        ),
    ),
    "sessions": _sessions("data"),
    "opens": _sessions("opens"),
    "claims": _sessions("claims"),
    "validations": _sessions("validations"),
    "categories": Part("v3", Endpoint("v3/category/list")),
    "main_categories": Part("v3", Endpoint("v3/category/main/list")),
    # loyalty: v4 documents the cards' fields and include_voided, v3 neither (sections 5.10 to 5.12, 6.2)
    "loyalty_cards": Part("v4", v3=Endpoint("v3/loyalty/list"), v4=Endpoint("v4/loyalty/loyalty-cards", method="GET")),
    "loyalty_users": Part(
        "v4",
        # void users may be hidden, as they are in v4 by default (section 6.2)
        v3=Endpoint(
            "v3/loyaltyusers/list", parent="loyaltycard", not_found_codes=frozenset({505, 507}), may_hide_records=True
        ),
        v4=Endpoint(
            f"{_CARD}/stats",
            method="GET",
            parent="loyalty card",
            fixed_parameters=(("include_voided", "true"),),
            page="pagination[page]",  # the keys of the pagination object are assumed
            not_found_codes=frozenset({505, 507}),
        ),
    ),
    # directories: v3 documents payment fields and the pages of registrations, v4 neither (sections 5.16 to 5.19, 6.1)
    "directories": Part("v3", v3=Endpoint("v3/directory/list"), v4=Endpoint("v4/directory", method="GET")),
    "directory_info": Part(
        "v3",
        v3=Endpoint(
            "v3/directory/info", records="directory", parent="directory", one=True, not_found_codes=frozenset({507})
        ),
        v4=Endpoint(_DIRECTORY, method="GET", parent="directory", one=True, not_found_codes=frozenset({507})),
    ),
    "directory_campaigns": Part(
        "v3", Endpoint("v3/directory/campaigns", parent="directory", not_found_codes=frozenset({507}), guessed=True)
    ),
    "directory_registrations": Part(
        "v3",
        v3=Endpoint(
            "v3/directoryusers/list",
            parent="directory",
            page="page",
            newest_first=True,
            not_found_codes=frozenset({507}),
        ),
        v4=Endpoint(
            f"{_DIRECTORY}/users", method="GET", parent="directory", page="page", not_found_codes=frozenset({507})
        ),
    ),
    # the account itself: POST although v4 (section 5.25)
    "subaccounts": Part("v4", v4=Endpoint("v4/subaccount/list", not_available_codes=frozenset({102}))),
    "subaccount_info": Part(
        "v4",
        v4=Endpoint(
            "v4/subaccount",
            parent="subaccount",
            one=True,
            not_found_codes=frozenset({510}),
            not_available_codes=frozenset({102}),
        ),
    ),
    # messaging (section 5.26)
    "sms_groups": Part("v3", Endpoint("v3/smstool/grouplist", records="group", not_available_codes=frozenset({103}))),
    "sms_contacts": Part(
        "v3",
        Endpoint(
            "v3/smstool/userlist",
            parent="smsgroup",
            not_found_codes=frozenset({514}),
            not_available_codes=frozenset({103}),
        ),
    ),
    "email_groups": Part("v3", Endpoint("v3/emailtool/grouplist", not_available_codes=frozenset({104}))),
}
"""Every part of an account that can be read; tokens (sign-on, password reset) and writing calls are not among them."""


WEBHOOK_VERIFICATION = Endpoint(
    "v3/webhook/verification",
    parent="webhook",
    one=True,
    identified_by="webhook",
    not_found_codes=frozenset({509}),
)
"""Says whether an event came from the API; it is no part of an account (section 7)."""

READABLE = frozenset(
    (
        *(endpoint for part in ENDPOINTS.values() for endpoint in (part.v3, part.v4) if endpoint),
        WEBHOOK_VERIFICATION,
    )
)
"""All endpoints that the client may call; it refuses any other."""


def choose_endpoints(versions: str) -> Mapping[str, Endpoint]:
    """Choose the endpoint of each part, by the versions that COUPONTOOLS_API_VERSIONS asks for.

    `versions` is empty, or v3 or v4 for every part that has both, or like loyalty_users=v3,directories=v4.

    Raises SettingsError.
    """
    both = [name for name, part in ENDPOINTS.items() if part.v3 and part.v4 and not part.v3.one]
    pairs = [pair.strip().partition("=") for pair in versions.split(",") if pair.strip()]
    version_of_part = {part: version or name for name, _, version in pairs for part in ([name] if version else both)}
    for part, version in version_of_part.items():
        if part not in both or version not in ("v3", "v4"):
            raise SettingsError(
                "COUPONTOOLS_API_VERSIONS is wrong: set it to v3, v4, or pairs such as loyalty_users=v3,directories=v4."
                f" There is a choice for {', '.join(both)}."
            )
    return {name: getattr(part, version_of_part.get(name, part.default)) for name, part in ENDPOINTS.items()}
