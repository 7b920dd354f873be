"""The endpoints that the export may call: all of them read, none creates, updates, sends or opens anything.

`ENDPOINTS` says for each part of an account where it is read, in v3 and in v4, and which of the two is read unless
COUPONTOOLS_API_VERSIONS says otherwise. Ids of the two versions may differ, so that a thing is described, and its
children are asked for, by the ids of the version that is read. Sections are those of API.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from resources.settings import SettingsError

Version = Literal["v3", "v4"]


@dataclass(frozen=True)
class Endpoint:
    """A reading endpoint.

    A `{parent}` in the path, or else the parameter `parent`, names what is asked for. `records` is the documented
    key of the record list, None where none is; `one` endpoints answer with a single record, `windowed` ones take
    start_date and end_date. `page` is the parameter that counts pages from 1, if there are any; `newest_first` lists
    are read in their order, so that reading can stop at a date. Of the application codes, `gone` say that the parent
    no longer exists, `absent` that the account does not have this part. `guessed` marks a path that nothing
    documents: if it is not there, the part stays empty. `hides` marks a list that may leave out records that are still
    in the account, so that it is no proof of a deletion.
    """

    path: str
    method: Literal["GET", "POST"] = "POST"
    records: str | None = None
    parent: str | None = None
    constants: tuple[tuple[str, object], ...] = ()
    one: bool = False
    windowed: bool = False
    page: str | None = None
    newest_first: bool = False
    gone: frozenset[int] = frozenset()
    absent: frozenset[int] = frozenset()
    guessed: bool = False
    hides: bool = False

    @property
    def version(self) -> Version:
        """The version of the API that has it."""
        return "v4" if self.path.startswith("v4/") else "v3"


@dataclass(frozen=True)
class Part:
    """Where a part of the account is read: one endpoint a version, and the version that is read by default."""

    default: Version
    v3: Endpoint | None = None
    v4: Endpoint | None = None


def _sessions(name: str) -> Part:
    # section 5.3; which date the window filters is seen in client code for the events, assumed for data (created)
    return Part(
        "v3",
        Endpoint(
            f"v3/campaign/{name}", records="data", parent="campaign", windowed=True, page="page", gone=frozenset({502})
        ),
    )


_CARD, _DIRECTORY = "v4/loyalty/loyalty-cards/{parent}", "v4/directory/{parent}"

ENDPOINTS: Mapping[str, Part] = {
    # campaigns: v3 only (section 6.3)
    "campaigns": Part("v3", Endpoint("v3/coupon/list", records="coupon_info")),
    "campaign_info": Part(
        "v3",
        Endpoint(
            "v3/coupon/info",
            records="coupon_info",
            parent="campaign",
            one=True,
            constants=(("show_usage_stats", True),),
            gone=frozenset({502}),
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
        v3=Endpoint("v3/loyaltyusers/list", parent="loyaltycard", gone=frozenset({505, 507}), hides=True),
        v4=Endpoint(
            f"{_CARD}/stats",
            method="GET",
            parent="loyalty card",
            constants=(("include_voided", "true"),),
            page="pagination[page]",  # the keys of the pagination object are assumed
            gone=frozenset({505, 507}),
        ),
    ),
    # directories: v3 documents payment fields and the pages of registrations, v4 neither (sections 5.16 to 5.19, 6.1)
    "directories": Part("v3", v3=Endpoint("v3/directory/list"), v4=Endpoint("v4/directory", method="GET")),
    "directory_info": Part(
        "v3",
        v3=Endpoint("v3/directory/info", records="directory", parent="directory", one=True, gone=frozenset({507})),
        v4=Endpoint(_DIRECTORY, method="GET", parent="directory", one=True, gone=frozenset({507})),
    ),
    "directory_campaigns": Part(
        "v3", Endpoint("v3/directory/campaigns", parent="directory", gone=frozenset({507}), guessed=True)
    ),
    "directory_registrations": Part(
        "v3",
        v3=Endpoint(
            "v3/directoryusers/list", parent="directory", page="page", newest_first=True, gone=frozenset({507})
        ),
        v4=Endpoint(f"{_DIRECTORY}/users", method="GET", parent="directory", page="page", gone=frozenset({507})),
    ),
    # the account itself: POST although v4 (section 5.25)
    "subaccounts": Part("v4", v4=Endpoint("v4/subaccount/list", absent=frozenset({102}))),
    "subaccount_info": Part(
        "v4",
        v4=Endpoint("v4/subaccount", parent="subaccount", one=True, gone=frozenset({510}), absent=frozenset({102})),
    ),
    # messaging (section 5.26)
    "sms_groups": Part("v3", Endpoint("v3/smstool/grouplist", records="group", absent=frozenset({103}))),
    "sms_contacts": Part(
        "v3", Endpoint("v3/smstool/userlist", parent="smsgroup", gone=frozenset({514}), absent=frozenset({103}))
    ),
    "email_groups": Part("v3", Endpoint("v3/emailtool/grouplist", absent=frozenset({104}))),
}
"""Every part of an account that can be read; tokens (sign-on, password reset) and writing calls are not among them."""


READABLE = frozenset(each for part in ENDPOINTS.values() for each in (part.v3, part.v4) if each)
"""All endpoints of the table; the client asks no other."""


def choose(versions: str) -> Mapping[str, Endpoint]:
    """The endpoint of each part, under the versions that COUPONTOOLS_API_VERSIONS asks for.

    `versions` is empty, or v3 or v4 for every part that has both, or like loyalty_users=v3,directories=v4.

    Raises SettingsError.
    """
    both = [name for name, part in ENDPOINTS.items() if part.v3 and part.v4 and not part.v3.one]
    pairs = [each.strip().partition("=") for each in versions.split(",") if each.strip()]
    wanted = {part: version or name for name, _, version in pairs for part in ([name] if version else both)}
    for part, version in wanted.items():
        if part not in both or version not in ("v3", "v4"):
            raise SettingsError(
                "COUPONTOOLS_API_VERSIONS is wrong: set it to v3 or v4, or to pairs as loyalty_users=v3,directories=v4."
                f" There is a choice for {', '.join(both)}."
            )
    return {name: getattr(part, wanted.get(name, part.default)) for name, part in ENDPOINTS.items()}
