"""Categories, subaccounts and address books of the generated account."""

from datetime import datetime, timedelta

from resources.sandbox.account.record import Record
from resources.sandbox.generated.campaigns import FIRST_DAY
from resources.sandbox.generated.people import make_custom_fields, make_person, seed_random

CATEGORIES: tuple[Record, ...] = tuple(
    {"ID": f"cat_{number}", "name": name}
    for number, name in enumerate(("Food & drinks", "Mode", "Loisirs", "Красота", "旅行"), 11)
)
"""Those that the generated campaigns are in."""
MAIN_CATEGORIES: tuple[Record, ...] = tuple(
    {"ID": f"cat_{number}", "name": name} for number, name in enumerate(("Antwerpen", "Liège", "東京"), 101)
)
SMS_GROUPS: tuple[Record, ...] = (
    {"ID": "gro_123456", "name": "Newsletter"},
    {"ID": "gro_123789", "name": "Été & soldes"},
    {"ID": "gro_124001", "name": ""},
)
EMAIL_GROUPS: tuple[Record, ...] = (
    {"ID": "gro_223456", "name": "All customers"},
    {"ID": "gro_223999", "name": 'Opened "never"'},
)
TEAMMATES: tuple[Record, ...] = tuple({"ID": str(number)} for number in (501, 502, 517))
COMPANIES = (
    ("Bakkerij Ćwik", "BE"), ("Null & Sons", "GB"), ("Café Zoé", "FR"), ("髙橋商店", "JP"),
    ("O'Neil's", "IE"), ("Demo; --", "US"), ("Ωνάση", "GR"), ("Żabka test", "PL"),
)  # fmt: skip


def make_subaccounts(seed: int, now: datetime) -> list[Record]:
    """Return the subaccounts made by `now`; a trial becomes a customer or stays one (API.md, section 5.25)."""
    records: list[Record] = []
    for position, (company, country) in enumerate(COMPANIES):
        draw = seed_random("subaccount", seed, position)
        created = FIRST_DAY + timedelta(days=draw.randrange(1000) + 20 * position)
        someone = make_person(draw, position)
        package = f"pac_{draw.choice((11, 12, 20))}"
        is_customer = draw.random() < 0.7 and created + timedelta(days=30) <= now
        years = max(0, (now - created).days // 365) + 1 if is_customer else 0
        if created <= now:
            records.append(
                {
                    "ID": f"sub_{12_000 + 37 * position + seed % 30}",
                    **{key: someone[key] for key in ("email", "first_name", "last_name")},
                    "company_name": company,
                    "country": country,
                    "status": "customer" if is_customer else "trial",
                    "package": package,
                    "expiry_date": f"{created + timedelta(days=365 * years or 30):%Y-%m-%d}",
                }
            )
    return records


def make_sms_contacts(seed: int, group_id: str) -> list[Record]:
    """Return the people of an SMS group, by their phone numbers; none if there is no such group."""
    groups = [group["ID"] for group in SMS_GROUPS if not isinstance(group, bytes)]
    if group_id not in groups:
        return []
    position = groups.index(group_id)
    contacts: dict[str, Record] = {}
    for number in range(60 >> position):
        draw = seed_random("contact", seed, position, number)
        someone = make_person(draw, number)
        phone = someone["phone"] or f"+447700900{number:03}"
        names = {key: someone[key] for key in ("first_name", "last_name")}
        contacts[phone] = {"phone": phone, **names, **make_custom_fields(draw, "customfield", 7)}
    return list(contacts.values())
