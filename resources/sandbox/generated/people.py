"""Reproducible made-up people: names in many scripts, addresses and numbers reserved for examples."""

import random
from datetime import date, timedelta

from resources.sandbox.generated.texts import CITIES, COMMENTS, LOCALES, MAIL_NAMES

MAIL_HOSTS = ("example.com", "example.org")


def seed_random(*names: object) -> random.Random:
    """Return a random number generator that is seeded with the names."""
    return random.Random("/".join(map(str, names)))  # noqa: S311 - reproducible on purpose


def make_person(draw: random.Random, number: int) -> dict[str, str]:
    """Return what is known of a person, in v3 spelling; `number` makes the e-mail address unique."""
    locale = draw.choice(LOCALES)
    # Domains and numbers reserved for examples: RFC 2606, NANP 555-01xx, Ofcom 07700 900xxx.
    phone = draw.choice((f"+447700900{draw.randrange(1000):03}", f"+120255501{draw.randrange(100):02}", ""))
    birthday = date(1945, 1, 1) + timedelta(days=draw.randrange(60 * 365))
    return {
        "first_name": draw.choice(locale.first_names),
        "last_name": draw.choice(locale.last_names),
        "email": f"{draw.choice(MAIL_NAMES)}.{number}@{draw.choice(MAIL_HOSTS)}",
        "phone": phone,
        "birthday": str(birthday) if draw.random() < 0.6 else "",
        "address": f"Main Street {draw.randrange(1, 200)}" if draw.random() < 0.7 else "",
        "zip": f"{draw.randrange(1000, 9999)}" if draw.random() < 0.7 else "",
        "city": draw.choice(CITIES),
    }


def make_custom_fields(draw: random.Random, prefix: str, amount: int) -> dict[str, str]:
    """Return custom fields; most people leave them empty."""
    return {
        f"{prefix}{number}": draw.choice(COMMENTS) if draw.random() < 0.15 / number else ""
        for number in range(1, amount + 1)
    }
