"""The campaigns of the generated account: a pure function of the seed and the moment."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from resources.sandbox.account.account import Campaign
from resources.sandbox.generated.shops import SHOPS
from resources.sandbox.generated.texts import CAMPAIGN_TEXTS

FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - the account's times are naive UTC, like the API's
"""Sessions are created from this moment on."""
REFERENCE_DAY = datetime(2026, 11, 1)  # noqa: DTZ001
"""Until here exactly the number of sessions asked for is created."""

CODE_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
TAGS = ("summer", "vip", "été", "夏", "b2b")


@dataclass(frozen=True)
class CampaignPlan:
    """What a campaign is and how its sessions behave; times naive UTC, probabilities 0 to 1."""

    campaign_id: str
    code: str
    name: str
    title: str
    folder: str
    category: str
    tags: tuple[str, ...]
    launched: datetime
    ends: datetime | None
    weight: float
    """Share of new sessions while it runs, relative to the others; 0 = never any."""
    is_game: bool
    is_bulk: bool
    """Sessions are single-use links, made by the hundred in one second, and may be claimed unopened."""
    has_codes: bool
    value: str
    open_rate: float
    claim_rate: float
    validation_rate: float
    """0 where own barcodes are scanned by tills that report nothing to the platform."""
    notes_money: bool
    """Whether the money spent is asked for at validation."""
    first_shop: int
    """The first of the campaign's shops in `SHOPS`."""
    expiry: Literal["never", "at its end", "after opening", "after claim"]

    def campaign(self, now: datetime) -> Campaign:
        """Return the campaign as the API shows it at `now`.

        Status words other than "active" are hints (API.md, section 5.1).
        """
        status = "active"
        if self.ends is not None and now >= self.ends:
            status = "archived" if now - self.ends > timedelta(days=365) else "expired"
        elif self.weight == 0:
            status = "draft"
        return Campaign(
            record={
                "ID": self.campaign_id,
                "code": self.code,
                "name": self.name,
                "title": self.title,
                "status": status,
                "url": f"https://digicpn.com/p/{self.code}",
            },
            hints={
                "subtitle": "",
                "description": f"<p>{self.title}</p>",
                "type": "coupon",
                "expirydate": f"{self.ends:%Y-%m-%d %H:%M:%S}" if self.ends else "",
                "coupon_category_name": self.category,
                "coupon_tags": ",".join(self.tags),
            },
            folder=self.folder,
            category=self.category,
            tags=frozenset(self.tags),
        )


_EXPIRIES: tuple[Literal["never", "after opening", "after claim"], ...] = ("after opening", "never", "after claim")
"""Of campaigns that never end."""


def plan_campaigns(seed: int, amount: int) -> list[CampaignPlan]:
    """Return `amount` campaigns in order of their ids.

    The first runs from before the first day and never ends, so that sessions never stop coming.
    """
    chance = random.Random(f"campaigns of {seed}")  # noqa: S311 - reproducible on purpose
    ranks = list(range(1, amount + 1))
    chance.shuffle(ranks)
    number = 10_000 + chance.randrange(1000)
    plans = []
    for position, rank in enumerate(ranks):
        number += chance.randrange(1, 9000)
        plans.append(_plan_campaign(chance, position, f"cam_{number}", 1 / rank**1.1))
    return plans


def _plan_campaign(chance: random.Random, position: int, campaign_id: str, weight: float) -> CampaignPlan:
    evergreen = position % 3 == 0
    days = (REFERENCE_DAY - FIRST_DAY).days
    launched = FIRST_DAY + timedelta(days=chance.randrange(-30, days - 40), hours=9)
    if position == 0:
        launched = FIRST_DAY - timedelta(days=15)
    ends = None if evergreen else launched + timedelta(days=chance.randrange(30, 400), hours=14)
    name, title = CAMPAIGN_TEXTS[position % len(CAMPAIGN_TEXTS)]
    edition = position // len(CAMPAIGN_TEXTS) + 1
    return CampaignPlan(
        campaign_id=campaign_id,
        code="".join(chance.choices(CODE_ALPHABET, k=6)),
        name=name if edition == 1 else f"{name} ({edition})",
        title=title,
        folder=str(101 + position % 4),
        category=f"cat_{position % 5 + 11}",
        tags=tuple(chance.sample(TAGS, position % 3)),
        launched=launched,
        ends=ends,
        weight=0.0 if position % 10 == 9 else weight,
        is_game=position % 5 == 3,
        is_bulk=position % 7 == 4,
        has_codes=position % 4 == 1,
        value=("", "5.00", "12.50", "0.99")[position % 4],
        open_rate=chance.uniform(0.6, 0.98),
        claim_rate=chance.uniform(0.2, 0.7),
        validation_rate=chance.uniform(0.3, 0.8) * (position % 8 != 5),
        notes_money=position % 3 != 1,
        first_shop=position % len(SHOPS),
        expiry=_EXPIRIES[position // 3 % len(_EXPIRIES)] if evergreen else "at its end",
    )
