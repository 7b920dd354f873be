"""The endpoints that the export may call: all of them read, none creates, updates, sends or opens anything."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    """A reading endpoint.

    `records` is the documented key of the record list; `parent` the parameter that names what is asked for, `gone`
    the application codes that say that it no longer exists; `paged` endpoints take `page`, counted from 1.
    """

    path: str
    records: str
    parent: str | None = None
    gone: frozenset[int] = frozenset()
    paged: bool = False


def _sessions(name: str) -> Endpoint:
    return Endpoint(f"v3/campaign/{name}", "data", parent="campaign", gone=frozenset({502}), paged=True)


CAMPAIGNS = Endpoint("v3/coupon/list", "coupon_info")
"""All campaigns, ended ones too (API facts, section 5.1)."""

SESSIONS = _sessions("data")
"""Sessions of a campaign, windowed by their creation (section 5.3; which date is filtered is assumed)."""

TOUCHED_SESSIONS = (_sessions("opens"), _sessions("claims"), _sessions("validations"))
"""Sessions of a campaign that were opened, claimed or validated in a window (section 5.3)."""
