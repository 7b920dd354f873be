"""Makes and changes sessions for the endpoints that write: ids, records, steps taken and taken back."""

import string
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b

from resources.sandbox.account.matching import NO_DATES
from resources.sandbox.account.session_fields import FLAGS, STATUS, UTM

ALPHABET = string.digits + string.ascii_lowercase + string.ascii_uppercase
"""The characters of a session's id, and of tokens."""
FIRST_NEW_SEQUENCE_ID = 900_000_000
"""Far above those of generated sessions, which grow with time and must not reach these."""
DATES = {
    "opened": "open_date_utc",
    "claimed": "claim_date_utc",
    "validated": "validation_date_utc",
    "voided": "voided_date_utc",
}
"""The date that goes with each flag that can be changed."""
DATES_WHEN_TAKEN_BACK = {"voided": "unvoided_date_utc", "locked": "unlocked_date_utc"}
"""The date that goes with it when it is taken back."""
CUSTOM_FIELDS = tuple(f"customfield{number}" for number in range(1, 8))
USER_FIELDS = ("firstname", "lastname", "email", "phone", "language", "optin", *CUSTOM_FIELDS)


def make_random_text(name: str, letters: str, length: int) -> str:
    """Return up to 64 letters that are a pure function of the name, and in practice unique to it."""
    return "".join([letters[byte % len(letters)] for byte in blake2b(name.encode()).digest()[:length]])


def make_session(
    number: int,
    url: str,
    now: datetime,
    *,
    user: Mapping[str, str] | None = None,
    customid: str = "",
    status: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Return the record of a new session of the campaign with this address, as campaign/data shows it."""
    session_id = make_random_text(f"session/{number}", ALPHABET, 21)
    empty = {name: "0" if name in FLAGS else None if name in UTM else "" for name in STATUS}
    dated = {"created_date_utc": format_date(now), "customid": customid}
    person = {name: "0" if name == "optin" else (user or {}).get(name, "") for name in USER_FIELDS}
    return {
        "sequenceid": str(FIRST_NEW_SEQUENCE_ID + number),
        "session": session_id,
        "session_url": f"{url}/{session_id}",
        "customid": customid,
        "status": empty | dated | dict(status or {}),
        "user": person,
    }


def apply_flags(session: Mapping[str, object], flags: Mapping[str, bool], now: datetime) -> dict[str, object]:
    """Return the session with steps taken, or taken back: flags of `DATES`, and `locked`.

    A step already taken keeps its date.
    """
    old = read_group(session, "status")
    new: dict[str, object] = {}
    for flag, is_on in flags.items():
        new[flag] = "1" if is_on else "0"
        if key := DATES.get(flag):
            date = format_date(now) if old.get(key) in NO_DATES else old.get(key)
            new[key] = date if is_on else ""
        if flag in DATES_WHEN_TAKEN_BACK and not is_on and old.get(flag) == "1":
            new[DATES_WHEN_TAKEN_BACK[flag]] = format_date(now)
    return {**session, "status": {**old, **new}}


def read_group(session: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a group of a session's fields, such as `status`; empty if it is none."""
    fields = session.get(name)
    return fields if isinstance(fields, Mapping) else {}


def format_date(moment: datetime) -> str:
    """Return a moment as the API writes it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
