"""The events that the sandbox sends by webhook, and the endpoint that verifies them: webhook/verification."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import cast

import msgspec

from resources.sandbox.account.account import Account, Campaign, SessionDate, SessionKind, SessionQuery
from resources.sandbox.assumptions import WebhookKind
from resources.sandbox.endpoints.endpoint import Endpoint, State
from resources.sandbox.protocol.parameters import identifier
from resources.sandbox.protocol.replies import ApiError, Reply, reply_with_fields
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import STRING

UNKNOWN_WEBHOOK = 509
_LETTERS_OF_AN_ID = 20


@dataclass(frozen=True)
class _Step:
    """A step of a session that is an event: where it is listed and dated, and what marks the event's id."""

    listed: SessionKind
    dated: SessionDate
    field: str
    mark: str

    def event_id(self, session: str) -> str:
        """Return the id of a session's event; it is made up, of the first letters of the session."""
        return f"evt_{session[: _LETTERS_OF_AN_ID - len(self.mark)]}{self.mark}"


_STEPS: Mapping[str, _Step] = {
    "coupon_validated": _Step("validations", "validated", "validation_date_utc", ""),
    "coupon_claimed": _Step("claims", "claimed", "claim_date_utc", "Cl"),
}


@dataclass(frozen=True)
class SentEvent:
    """An event, and when it happened (naive UTC)."""

    happened_at: datetime
    fields: Mapping[str, object]


def list_session_events(
    account: Account, kinds: Sequence[WebhookKind], after: datetime, until: datetime
) -> Iterator[SentEvent]:
    """List the steps of sessions that happened after the second `after`, up to and including `until`."""
    for campaign in account.campaigns(until):
        for kind in (kind for kind in kinds if kind in _STEPS):
            step = _STEPS[kind]
            query = SessionQuery(step.listed, step.dated, after + timedelta(seconds=1), until)
            rows = account.sessions(campaign.campaign_id, query, until)
            _, records = rows.encode(0, rows.total)
            for record in msgspec.json.decode(records, type=list[dict[str, object]]):
                status = cast("Mapping[str, object]", record["status"])
                named = {"customid": record.get("customid", ""), "customer": record.get("user", {}), "status": status}
                name, moment = str(record["session"]), str(status[step.field])
                fields = _describe(step.event_id(name), kind, moment, campaign) | {"session": name, **named}
                yield SentEvent(datetime.fromisoformat(moment), fields)


def list_campaign_events(
    kinds: Sequence[WebhookKind], before: Sequence[Campaign], campaigns: Sequence[Campaign], now: datetime
) -> Iterator[SentEvent]:
    """List which campaigns were created, updated or removed between two moments."""
    known, listed = ({one.campaign_id: one for one in some} for some in (before, campaigns))
    changes: Mapping[WebhookKind, Sequence[Campaign]] = {
        "coupon_created": [one for name, one in listed.items() if name not in known],
        "coupon_updated": [one for name, one in listed.items() if name in known and known[name].record != one.record],
        "coupon_removed": [one for name, one in known.items() if name not in listed],
    }
    for kind, changed in changes.items():
        for campaign in changed if kind in kinds else ():
            yield SentEvent(now, _describe(_campaign_event_id(kind, campaign), kind, str(now), campaign))


def _describe(event_id: str, kind: str, moment: str, campaign: Campaign) -> dict[str, object]:
    coupon = {"id": campaign.campaign_id, "campaign": campaign.campaign_id, "title": campaign.record.get("title", "")}
    return {"id": event_id, "type": kind, "datetime": moment, "campaign": campaign.campaign_id, "coupon": coupon}


def _campaign_event_id(kind: str, campaign: Campaign) -> str:
    """Return the id of an event of a campaign as it is now; it is made up."""
    content = msgspec.json.encode([kind, campaign.record], order="deterministic")
    return f"evt_{blake2b(content, digest_size=_LETTERS_OF_AN_ID // 2).hexdigest()}"


def webhook_verification(request: ApiRequest, state: State) -> Reply:
    """Answer whether a webhook's event was sent by the API (API.md, section 7).

    There is one for each session that was claimed or validated, and for each campaign as it is now; that a campaign was
    removed cannot be verified.
    """
    event, session_id = request.required_text("webhook"), request.text("session")
    for valid in (*_of_sessions(event, state), *_of_campaigns(event, state)):
        if session_id in (None, valid.get("session")):
            return reply_with_fields({"result": "valid", "webhook": event, **valid})
    raise ApiError(UNKNOWN_WEBHOOK, "Webhook not found.")


def _of_sessions(event: str, state: State) -> Iterator[Mapping[str, str]]:
    for kind, step in _STEPS.items():
        beginning = event.removeprefix("evt_").removesuffix(step.mark)
        for campaign_id, session in state.account.find_sessions("short_code", beginning, state.now):
            status, name = session.get("status"), str(session.get("session"))
            date = status.get(step.field) if isinstance(status, Mapping) else None
            if date and event == step.event_id(name):
                yield {"date": str(date), "campaign": campaign_id, "session": name, "type": kind}


def _of_campaigns(event: str, state: State) -> Iterator[Mapping[str, str]]:
    for campaign in state.account.campaigns(state.now):
        for kind in ("coupon_created", "coupon_updated"):
            if event == _campaign_event_id(kind, campaign):
                yield {"date": str(state.now), "campaign": campaign.campaign_id, "type": kind}


WEBHOOK_EVENTS = (
    Endpoint(
        "v3/webhook/verification",
        webhook_verification,
        (identifier("webhook", r"evt_[A-Za-z0-9]{1,20}"), identifier("session", "[A-Za-z0-9]+", required=False)),
        dict.fromkeys(("result", "webhook", "date", "campaign", "session", "type"), STRING),
    ),
)
