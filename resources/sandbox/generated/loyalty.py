"""Loyalty cards and their users in the generated account: a pure function of the seed and the moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from resources.sandbox.account.record import Record
from resources.sandbox.generated.campaigns import CODE_ALPHABET, FIRST_DAY, REFERENCE_DAY
from resources.sandbox.generated.people import make_custom_fields, make_person, seed_random

CARDS = (
    ("Club card", "loyalty.coupontools.com", "membership"),
    ("Koffie: 10de gratis", "save2wallet.link", "stamp"),
    ("VIP Ελλάδα", "loyalty.coupontools.com", "membership"),
    ("Lunch & learn <2026>", "save2wallet.link", "stamp"),
)
FIRST_CARD_ID, FIRST_USER_ID = 123_400, 5_000_000


@dataclass(frozen=True)
class Member:
    """A user of a loyalty card, with the times of their events, naive UTC."""

    fields: dict[str, str]
    joined: datetime
    days_between_visits: float
    visits: int
    """Visits after which the user stays away."""
    points: int
    """What a visit brings; 0 on a stamp card, where it brings a stamp."""
    voided: datetime | None
    unvoided: datetime | None

    def record(self, now: datetime) -> Record:
        """Return the user's record in loyaltyusers/list at `now` (field names made up, API.md, section 5.12)."""
        visits = min(self.visits, int((now - self.joined) / timedelta(days=self.days_between_visits)))
        voided = self.voided is not None and self.voided <= now and not (self.unvoided and self.unvoided <= now)
        return {
            **self.fields,
            "points": str(visits * self.points - visits // 12 * 8 * self.points),
            "stamps": "0" if self.points else str(visits % 10),
            "voided": "1" if voided else "0",
        }


def make_loyalty_cards(seed: int) -> list[Record]:
    """Return the cards in order of creation; the v3 form of their ids is made up (section 4)."""
    return [
        {"ID": card_id, "code": code, "name": name, "domain": domain, "type": kind}
        for (card_id, code), (name, domain, kind) in zip(_make_card_ids(seed), CARDS, strict=True)
    ]


def make_loyalty_users(seed: int, size: int, card_id: str, now: datetime) -> list[Record]:
    """Return the users of a card at `now`, in the order they joined, voided ones too."""
    ids = [card_id for card_id, _ in _make_card_ids(seed)]
    if card_id not in ids:
        return []
    position = ids.index(card_id)
    share = max(1, size >> position)
    members = (_make_member(seed, position, number, share) for number in range(count_arrivals(now, share)))
    return [member.record(now) for member in members if member.joined <= now]


def count_arrivals(now: datetime, size: int) -> int:
    """Return how many people may have joined by `now`, at a rate of `size` until the reference day."""
    share = (now - FIRST_DAY) / (REFERENCE_DAY - FIRST_DAY)
    return int(size * share) + 1 if share >= 0 else 0


def find_arrival(number: int, size: int) -> datetime:
    """Return the earliest time at which the person of this number joins; the inverse of `count_arrivals`."""
    return FIRST_DAY + (REFERENCE_DAY - FIRST_DAY) * (number / size)


@lru_cache(maxsize=8)
def _make_card_ids(seed: int) -> Sequence[tuple[str, str]]:
    draw = seed_random("loyalty cards", seed)
    number, ids = FIRST_CARD_ID + draw.randrange(1000), []
    for _ in CARDS:
        number += draw.randrange(1, 900)
        ids.append((str(number), "".join(draw.choices(CODE_ALPHABET, k=6))))
    return ids


@lru_cache(maxsize=50_000)
def _make_member(seed: int, position: int, number: int, size: int) -> Member:
    draw = seed_random("loyalty user", seed, position, number)
    # A pause after the arrival that is due, so that people come at odd moments but never before it.
    joined = find_arrival(number, size) + timedelta(seconds=draw.randrange(86_400))
    stamps = CARDS[position][2] == "stamp"
    voided = joined + timedelta(days=draw.expovariate(1 / 90)) if draw.random() < 0.08 else None
    unvoided = voided + timedelta(days=draw.expovariate(1 / 30)) if voided and draw.random() < 0.3 else None
    identity = number * len(CARDS) + position
    fields = make_person(draw, identity)
    return Member(
        fields={
            "ID": str(FIRST_USER_ID + identity),
            **{key: fields[key] for key in ("first_name", "last_name", "email", "phone")},
            "gender": draw.choice(("male", "female", "unknown")),
            **{key: fields[key] for key in ("birthday", "address", "zip", "city")},
            **make_custom_fields(draw, "custom_", 8),
        },
        joined=joined,
        days_between_visits=draw.uniform(2, 40),
        visits=draw.randrange(1, 80),
        points=0 if stamps else draw.choice((5, 10, 12)),
        voided=voided,
        unvoided=unvoided,
    )
