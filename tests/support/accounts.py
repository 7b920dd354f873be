"""Accounts made by hand, for tests."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from resources.sandbox.account.handmade import HandmadeAccount

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


def account(sizes: Mapping[int, int] | None = None) -> HandmadeAccount:
    """An account of campaigns with so many sessions each, a minute apart from 2026-01-01 on."""
    records, number = {}, 1
    for name, size in (sizes or {1: 3}).items():
        records[f"cam_{name}"] = [
            session(n, created=START + timedelta(minutes=n)) for n in range(number, number + size)
        ]
        number += size
    return HandmadeAccount([campaign(name) for name in sizes or {1: 3}], records)


def loyalty_user(number: int, **fields: object) -> dict[str, object]:
    """A row of loyaltyusers/list."""
    return {
        "ID": str(number),
        "first_name": f"Ann {number}",
        "last_name": "Peeters",
        "email": f"ann{number}@example.com",
        "phone": "+447700900123",
        "gender": "female",
        "birthday": "1990-02-28",
        "address": "Rue Haute 1",
        "zip": "1000",
        "city": "Brüssel",
        "custom_1": "x",
        "points": "120",
        "stamps": "3",
        "voided": "0",
    } | fields


def registration(number: int, registered: str | datetime = START, **fields: object) -> dict[str, object]:
    """A row of directoryusers/list."""
    return {
        "ID": f"reg_{number}",
        "registration_date_utc": str(registered),
        "email": f"bo{number}@example.com",
        "phone": "",
        "first_name": "Bo",
        "last_name": "Janssens",
        "birthday": "",
        "custom_1": "y",
        "payment_status": "paid",
        "blocked": "0",
        "expires_at": "",
    } | fields


def whole_account() -> HandmadeAccount:
    """An account with something in every part of it."""
    prices = {
        f"dir_{number}": {"currency": "EUR", "amount": f"{number}.50", "type": kind, "description": f"Access {kind}"}
        for number, kind in enumerate(
            ("basic", "recurring_daily", "recurring_weekly", "recurring_monthly", "recurring_yearly"), 1
        )
    }
    paid = [
        {"ID": name, "code": f"Code{name}", "name": f"N {name}", "payment": payment} for name, payment in prices.items()
    ]
    sessions = {"cam_1": [session(n, created=START + timedelta(hours=n)) for n in range(250)], "cam_2": [session(900)]}
    return HandmadeAccount(
        [campaign(1), campaign(2, status="archived")],
        sessions,
        loyalty_cards=[
            {"ID": "123456", "code": "ndoh57", "name": "Club", "domain": "save2wallet.link", "type": "membership"},
            {"ID": "123457", "code": "abcdef", "name": "Stamps", "domain": "loyalty.coupontools.com", "type": "stamp"},
        ],
        loyalty_users={
            "123456": [loyalty_user(n, voided="1" if n % 5 == 0 else "0", points=str(n)) for n in range(1, 131)],
            "123457": [loyalty_user(1, stamps="9")],
        },
        directories=[*paid, {"ID": "dir_6", "code": "CodeFree", "name": "Free"}],
        directory_campaigns={"dir_1": [campaign(1), campaign(2)], "dir_6": [campaign(2)]},
        registrations={
            "dir_1": [registration(n, START + timedelta(hours=n)) for n in range(250)],
            "dir_6": [registration(1000, START, blocked="1", payment_status="", expires_at="2027-01-01 00:00:00")],
        },
        categories=[{"ID": "cat_11", "name": "Food"}, {"ID": "cat_12", "name": "Été"}],
        main_categories=[{"ID": "cat_11", "name": "All food"}],
        subaccounts=[
            {
                "ID": "sub_1",
                "email": "shop@example.com",
                "company_name": "Shop",
                "country": "BE",
                "status": "trial",
                "package": "pac_1",
                "expiry_date": "2027-01-31",
            }
        ],
        sms_groups=[{"ID": "gro_1", "name": "All"}],
        sms_contacts={"gro_1": [{"phone": "+447700900001", "first_name": "Cy", "customfield1": "z"}]},
        email_groups=[{"ID": "gro_2", "name": "Mail"}],
    )


WHOLE_COUNTS = {
    "campaigns": 2,
    "categories": 3,
    "coupon_sessions": 251,
    "coupon_session_changes": 0,
    "loyalty_cards": 2,
    "loyalty_users": 131,
    "loyalty_user_changes": 0,
    "directories": 6,
    "directory_campaigns": 3,
    "directory_registrations": 251,
    "subaccounts": 1,
    "sms_groups": 1,
    "sms_contacts": 1,
    "email_groups": 1,
    "webhook_events": 0,
    "quarantine": 0,
}
"""The rows of `whole_account` in each table."""
