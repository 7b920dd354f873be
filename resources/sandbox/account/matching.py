"""Matches sessions that are held as records, hand-made or changed, with a query."""

from collections.abc import Mapping
from datetime import datetime

from resources.sandbox.account.account import SessionDate, SessionField, SessionQuery
from resources.sandbox.account.record import Record, decode_record

DATE_KEYS: Mapping[SessionDate, str] = {
    "created": "created_date_utc",
    "opened": "open_date_utc",
    "claimed": "claim_date_utc",
    "validated": "validation_date_utc",
}
ALL_DATE_KEYS = (*DATE_KEYS.values(), "played_date_utc", "voided_date_utc")
KINDS: Mapping[str, SessionDate] = {"opens": "opened", "claims": "claimed", "validations": "validated"}
NO_DATES = ("", None, "0000-00-00 00:00:00")
"""What a date field holds while its step was not taken."""


def has_text(record: Mapping[str, object], field: SessionField, text: str) -> bool:
    """Return whether a session's field has this text, or its id begins with it."""
    if field == "short_code":
        return str(record.get("session", "")).startswith(text)
    group = {"own_validation_code": "status", "phone": "user", "email": "user"}.get(field)
    holder = record if group is None else record.get(group)
    return isinstance(holder, Mapping) and holder.get(field) == text


def matches(record: Record, query: SessionQuery) -> bool:
    """Return whether a session is in the answer to a query; one that cannot be understood always is."""
    if query.kind == "data" and query.start is None and query.end is None:
        return True
    status = (decode_record(record) or {}).get("status")
    if not isinstance(status, Mapping):
        return True
    own = KINDS.get(query.kind)
    if own is not None and status.get(DATE_KEYS[own]) in NO_DATES:
        return False
    if query.start is None and query.end is None:
        return True
    keys = ALL_DATE_KEYS if query.date == "any_event" else (DATE_KEYS[query.date],)
    texts = [text for key in keys if (text := status.get(key)) not in NO_DATES]
    if not texts and query.date == "created":
        # A list call may leave created_date_utc out; the server knows it, and it is no later than the others.
        texts = sorted(str(text) for key in ALL_DATE_KEYS if (text := status.get(key)) not in NO_DATES)[:1]
        return not texts or _within(texts[0], query)
    return any(_within(text, query) for text in texts)


def _within(text: object, query: SessionQuery) -> bool:
    try:
        moment = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - naive UTC
    except ValueError:
        return True
    return (query.start is None or moment >= query.start) and (query.end is None or moment <= query.end)
