"""Directories and their registrations in the generated account: a pure function of the seed and the moment."""

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from resources.sandbox.account.record import Record
from resources.sandbox.generated.loyalty import count_arrivals, find_arrival
from resources.sandbox.generated.people import make_custom_fields, make_person, seed_random

PERIODS = {"recurring_daily": 1, "recurring_weekly": 7, "recurring_monthly": 30, "recurring_yearly": 365}
"""Days that a payment of each recurring type lasts; a month's and a year's length are made up."""
DIRECTORIES = (
    ("City deals", None),
    ("Voordeelpas 'Antwerpen'", ("EUR", "10.00", "recurring_yearly", "One year of deals")),
    ("Ski week", ("USD", "4.99", "recurring_weekly", "")),
    ("Gourmet, été", ("EUR", "7.50", "recurring_monthly", "Résiliable chaque mois")),
    ("Festival", ("GBP", "2.00", "recurring_daily", 'A day\'s "all in"')),
    ("おトク", ("USD", "25.00", "basic", "一回払い")),
)
FIRST_REGISTRATION_ID = 100_000
DATE = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Registration:
    """A person registered for a directory, with the times of their events, naive UTC."""

    fields: dict[str, str]
    registered: datetime
    paid: datetime | None
    period: int | None
    blocked: datetime | None
    deleted: datetime | None
    needs_payment: bool

    def is_there(self, now: datetime) -> bool:
        """Return whether the person has registered and has not been deleted."""
        return self.registered <= now and not (self.deleted and self.deleted <= now)

    def record(self, now: datetime) -> Record:
        """Return the person's record in directoryusers/list at `now` (field names made up, API.md, section 5.19)."""
        is_paid, expires = self.paid is not None and self.paid <= now, ""
        if self.paid and is_paid and self.period:
            periods = (now - self.paid) // timedelta(days=self.period) + 1
            expires = format(self.paid + timedelta(days=self.period) * periods, DATE)
        return {
            **self.fields,
            "payment_status": ("paid" if is_paid else "unpaid") if self.needs_payment else "",
            "blocked": "1" if self.blocked and self.blocked <= now else "0",
            "expires_at": expires,
        }


def make_directories(seed: int) -> list[Record]:
    """Return the directories as directory/info shows them; a free one has no `payment` (section 5.17)."""
    return [
        {"ID": directory_id, "code": code, "name": name}
        | (
            {"payment": dict(zip(("currency", "amount", "type", "description"), payment, strict=True))}
            if payment
            else {}
        )
        for (directory_id, code), (name, payment) in zip(_make_directory_ids(seed), DIRECTORIES, strict=True)
    ]


def make_registrations(seed: int, size: int, directory_id: str, now: datetime) -> list[Record]:
    """Return the people registered for a directory at `now`, newest first."""
    ids = [directory_id for directory_id, _ in _make_directory_ids(seed)]
    if directory_id not in ids:
        return []
    position = ids.index(directory_id)
    share = max(1, size // (position + 2))
    people = [_make_registration(seed, position, number, share) for number in range(count_arrivals(now, share))]
    there = [person for person in people if person.is_there(now)]
    return [person.record(now) for person in sorted(there, key=lambda person: person.registered, reverse=True)]


def choose_campaigns(seed: int, directory_id: str, campaigns: Iterable[Mapping[str, object]]) -> Sequence[Record]:
    """Return those of the account's campaigns that a directory shows; none if there is no such directory."""
    if directory_id not in [directory_id for directory_id, _ in _make_directory_ids(seed)]:
        return []
    return [row for row in campaigns if seed_random("shown", seed, directory_id, row["ID"]).random() < 0.4]


@lru_cache(maxsize=8)
def _make_directory_ids(seed: int) -> Sequence[tuple[str, str]]:
    draw = seed_random("directories", seed)
    number, ids = 10_000 + draw.randrange(1000), []
    for _ in DIRECTORIES:
        number += draw.randrange(1, 9000)
        ids.append((f"dir_{number}", "".join(draw.choices(string.ascii_letters + string.digits, k=21))))
    return ids


@lru_cache(maxsize=50_000)
def _make_registration(seed: int, position: int, number: int, size: int) -> Registration:
    draw = seed_random("registration", seed, position, number)
    registered = find_arrival(number, size) + timedelta(seconds=draw.randrange(86_400))
    payment = DIRECTORIES[position][1]
    paid = registered + timedelta(hours=draw.expovariate(1 / 20)) if payment and draw.random() < 0.85 else None
    identity = number * len(DIRECTORIES) + position
    fields = make_person(draw, identity)
    return Registration(
        fields={
            "ID": f"reg_{FIRST_REGISTRATION_ID + identity}",
            "registration_date_utc": format(registered, DATE),
            **{key: fields[key] for key in ("email", "phone", "first_name", "last_name")},
            **{key: fields[key] for key in ("birthday", "address", "zip", "city")},
            **make_custom_fields(draw, "custom_", 3),
        },
        registered=registered,
        paid=paid,
        period=PERIODS.get(payment[2]) if payment else None,
        blocked=registered + timedelta(days=draw.expovariate(1 / 300)) if draw.random() < 0.1 else None,
        deleted=registered + timedelta(days=draw.expovariate(1 / 400)) if draw.random() < 0.12 else None,
        needs_payment=payment is not None,
    )
