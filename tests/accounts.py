"""Accounts made by hand, for tests."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from resources.sandbox.account import RecordedAccount

START = datetime(2026, 1, 1)


def campaign(number: int = 1, **fields: object) -> dict[str, object]:
    """A row of coupon/list."""
    return {
        "ID": f"cam_{number}",
        "code": f"code{number}",
        "name": f"Campaign {number}",
        "title": f"Title {number}",
        "status": "active",
        "url": f"https://digicpn.com/p/code{number}",
    } | fields


def session(
    number: int,
    *,
    created: str | datetime = START,
    session_id: str | None = None,
    status: Mapping[str, object] | None = None,
    user: object = None,
    **fields: object,
) -> dict[str, Any]:
    """A row of campaign/data; created once and never touched, unless `status` says otherwise."""
    identifier = session_id or f"s{number:020}"
    return {
        "sequenceid": str(number),
        "session": identifier,
        "session_url": f"https://digicpn.com/p/code1/{identifier}",
        "customid": "",
        "status": {
            "created_date_utc": str(created),
            "opened": "0",
            "open_date_utc": "",
            "played": "0",
            "played_date_utc": "",
            "claimed": "0",
            "claim_date_utc": "",
            "claimtype": "",
            "saved_to_passbook": "0",
            "validated": "0",
            "validation_date_utc": "",
            "validation_value": "",
            "value": "",
            "voided": "0",
            "voided_date_utc": "",
            "locked": "0",
            "own_validation_code": "",
        }
        | dict(status or {}),
        "user": {"firstname": "", "lastname": "", "email": "", "phone": "", "language": "nl", "optin": "0"}
        if user is None
        else user,
    } | fields


def account(sizes: Mapping[int, int] | None = None, first: int = 1) -> RecordedAccount:
    """An account of campaigns with so many sessions each, a minute apart from 2026-01-01 on."""
    records, number = {}, first
    for name, size in (sizes or {1: 3}).items():
        records[f"cam_{name}"] = [
            session(n, created=START + timedelta(minutes=n)) for n in range(number, number + size)
        ]
        number += size
    return RecordedAccount([campaign(name) for name in sizes or {1: 3}], records)
