"""Computes the state of generated sessions at a moment, and encodes their records as JSON, a page at a time."""

from datetime import datetime
from typing import NamedTuple

import polars as pl

from resources.sandbox.account.account import SessionField, SessionQuery
from resources.sandbox.account.session_fields import LOCATION
from resources.sandbox.generated.campaigns import CampaignPlan
from resources.sandbox.generated.random_columns import INDEX, draw_bits, draw_event, draw_text, draw_uniform
from resources.sandbox.generated.session_ids import make_session_id
from resources.sandbox.generated.sessions import DAY, HOUR, to_seconds
from resources.sandbox.generated.shops import CHANNELS, SHOPS, SHOPS_OF_A_CAMPAIGN
from resources.sandbox.generated.texts import CITIES, COMMENTS, LOCALES, MAIL_NAMES

FIRST_SEQUENCE_ID = 18_000_000

SEEN_STATUS = (
    "open_date_utc", "played_date_utc", "claim_date_utc", "validation_date_utc", "voided_date_utc", "locked",
    "claimtype", "validation_value", "value", "own_validation_code",
)  # fmt: skip
"""Status fields that client code was seen to read in campaign/* (API.md, section 5.3)."""


class State(NamedTuple):
    """Event times visible at a moment; null = not (or no longer) so. Int64 seconds, Boolean for the flags."""

    created: pl.Expr
    opened: pl.Expr
    played: pl.Expr
    claimed: pl.Expr
    validated: pl.Expr
    voided: pl.Expr
    unvoided: pl.Expr
    locked: pl.Expr
    unlocked: pl.Expr
    saved: pl.Expr
    saved_to_google: pl.Expr
    identified: pl.Expr


def state_at(now: int) -> State:
    """Return the visible state at `now` (seconds since 1970) of the event columns of `sessions`."""

    def happened(name: str) -> pl.Expr:
        return (pl.col(name) <= now).fill_null(value=False)

    def visible(name: str) -> pl.Expr:
        return pl.when(happened(name)).then(pl.col(name))

    def after_reset(name: str) -> pl.Expr:
        return pl.when(happened("reset")).then(visible(f"{name}_again")).otherwise(visible(name))

    return State(
        created=pl.col("created"),
        opened=visible("opened"),
        played=visible("played"),
        claimed=after_reset("claimed"),
        validated=after_reset("validated"),
        voided=pl.when(~happened("unvoided")).then(visible("voided")),
        unvoided=visible("unvoided"),
        locked=happened("locked") & ~happened("unlocked"),
        unlocked=visible("unlocked"),
        saved=visible("saved"),
        saved_to_google=visible("saved_to_google"),
        identified=happened("claimed"),
    )


def matches(query: SessionQuery, now: int) -> pl.Expr:
    """Return whether a session is in the answer to `query` at `now` (Boolean)."""
    state = state_at(now)
    dates = (state.opened, state.played, state.claimed, state.validated, state.voided)
    matching = state.created <= now
    own = {"opens": state.opened, "claims": state.claimed, "validations": state.validated}
    if query.kind in own:
        matching &= own[query.kind].is_not_null()
    if query.start is None and query.end is None:
        return matching
    if query.date == "any_event":
        return matching & pl.any_horizontal(*(_within(query, date) for date in (state.created, *dates)))
    return matching & _within(query, getattr(state, query.date))


def _within(query: SessionQuery, date: pl.Expr) -> pl.Expr:
    inside = date.is_not_null()
    if query.start is not None:
        inside &= date >= to_seconds(query.start)
    if query.end is not None:
        inside &= date <= to_seconds(query.end)
    return inside.fill_null(value=False)


def has_text(seed: int, plan: CampaignPlan, now: int, field: SessionField, text: str) -> pl.Expr:
    """Return whether a session's field has this text at `now`, or its id begins with it (Boolean)."""
    if field == "short_code":
        return make_session_id(seed).str.starts_with(text)
    if field == "customid":
        return _custom_id(plan) == text
    state = state_at(now)
    if field == "own_validation_code":
        return _status(seed, plan, state)[field] == text
    return _user(seed, state)[field] == text


def encode(rows: pl.DataFrame, seed: int, plan: CampaignPlan, now: datetime, *, seen_only: bool) -> bytes:
    """Return records of one campaign's sessions as a compact JSON array in UTF-8 (section 5.3)."""
    if rows.is_empty():
        return b"[]"
    state = state_at(to_seconds(now))
    status = _status(seed, plan, state)
    session = make_session_id(seed)
    fields = {"sequenceid": (INDEX + FIRST_SEQUENCE_ID).cast(pl.String), "session": session}
    if seen_only:
        fields["status"] = _object({name: status[name] for name in SEEN_STATUS})
    else:
        fields["session_url"] = f"https://digicpn.com/p/{plan.code}/" + session
        fields["customid"] = _custom_id(plan)
        fields["status"] = _object(status)
        fields["user"] = _object(_user(seed, state))
    # In two steps: as one expression, polars took twice as long.
    texts = rows.select(**fields).select(pl.struct(pl.all()).struct.json_encode().str.join(","))
    return b"[%b]" % texts.to_series().cast(pl.Binary).item()


def _object(fields: dict[str, pl.Expr]) -> pl.Expr:
    return pl.struct([field.alias(name) for name, field in fields.items()])


def _date(moment: pl.Expr) -> pl.Expr:
    return pl.from_epoch(moment, "s").dt.strftime("%Y-%m-%d %H:%M:%S").fill_null("")


def _flag(condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(pl.lit("1")).otherwise(pl.lit("0"))


def _text(condition: pl.Expr, text: pl.Expr | str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(text) if isinstance(text, str) else text).otherwise(pl.lit(""))


def _custom_id(plan: CampaignPlan) -> pl.Expr:
    return _text(pl.lit(plan.is_bulk), "CRM-" + (INDEX * 7 + 1).cast(pl.String))


def _status(seed: int, plan: CampaignPlan, state: State) -> dict[str, pl.Expr]:
    validated, claimed = state.validated.is_not_null(), state.claimed.is_not_null()
    # claimtype's values are undocumented; these are made up.
    way = draw_text(seed, "claimtype", ("email", "sms", "print", ""))
    cents = (draw_bits(seed, "spent") % 10_000).cast(pl.Int64)
    spent = pl.concat_str(cents // 100, pl.lit("."), (cents % 100).cast(pl.String).str.zfill(2))
    code = (draw_bits(seed, "code") % 10**9).cast(pl.String).str.zfill(9)
    shop = _shop(seed, plan, validated)
    return {
        "created_date_utc": _date(state.created),
        "opened": _flag(state.opened.is_not_null()),
        "open_date_utc": _date(state.opened),
        "played": _flag(state.played.is_not_null()),
        "played_date_utc": _date(state.played),
        "claimed": _flag(claimed),
        "claim_date_utc": _date(state.claimed),
        "claimtype": _text(claimed, way),
        "saved_to_passbook": _flag(state.saved.is_not_null()),
        "saved_to_passbook_date_utc": _date(state.saved),
        "saved_to_androidpay": _flag(state.saved_to_google.is_not_null()),
        "saved_to_androidpay_date_utc": _date(state.saved_to_google),
        "validated": _flag(validated),
        "validation_date_utc": _date(state.validated),
        "own_validation_code": _text(pl.lit(plan.has_codes) & state.identified, "VC-" + code),
        "validation_value": _text(pl.lit(plan.notes_money) & validated & draw_event(seed, "spends", 0.6), spent),
        "redeem_location_ID": shop["redeem_location_ID"],
        "voided": _flag(state.voided.is_not_null()),
        "voided_date_utc": _date(state.voided),
        "unvoided_date_utc": _date(state.unvoided),
        "locked": _flag(state.locked),
        "unlocked_date_utc": _date(state.unlocked),
        "value": pl.lit(plan.value),
        "customid": _custom_id(plan),
        "expiration_date": _date(_expiry(plan, state)),
        **_channel(seed),
        **{name: shop[name] for name in LOCATION},
    }


def _shop(seed: int, plan: CampaignPlan, validated: pl.Expr) -> dict[str, pl.Expr]:
    """Return the fields of the shop where a session was validated; for one session in ten it is not known."""
    shops = [SHOPS[(plan.first_shop + number) % len(SHOPS)] for number in range(SHOPS_OF_A_CAMPAIGN)]
    number, is_known = draw_bits(seed, "shop") % len(shops), validated & draw_event(seed, "knows the shop", 0.9)
    return {
        name: _text(is_known, pl.lit(pl.Series([shop[name] for shop in shops])).gather(number)) for name in SHOPS[0]
    }


def _channel(seed: int) -> dict[str, pl.Expr]:
    """Return the utm_* fields; null where none is known."""
    number = pl.when(draw_event(seed, "comes by a channel", 0.75)).then(draw_bits(seed, "channel") % len(CHANNELS))
    texts = {name: pl.Series([channel[name] for channel in CHANNELS], dtype=pl.String) for name in CHANNELS[0]}
    return {name: pl.lit(series).gather(number.fill_null(0)) for name, series in texts.items()}


def _expiry(plan: CampaignPlan, state: State) -> pl.Expr:
    """Return when a session expires, in the campaign's own time zone, two hours ahead of UTC."""
    match plan.expiry:
        case "at its end":
            end = to_seconds(plan.ends) if plan.ends else None
            return pl.when(state.created.is_not_null()).then(pl.lit(end, pl.Int64)) + 2 * HOUR
        case "after opening":
            return state.opened + 14 * DAY + 2 * HOUR
        case "after claim":
            return state.claimed + 7 * DAY + 2 * HOUR
        case _:
            return pl.when(state.created.is_null()).then(state.created)


def _user(seed: int, state: State) -> dict[str, pl.Expr]:
    """Return the customer's fields, filled in when a coupon is first claimed.

    The API's names of this group and its fields are unknown; these are assumed.
    """
    known = state.identified
    locale = draw_bits(seed, "locale") % len(LOCALES)

    def name(part: str, names: list[str]) -> pl.Expr:
        return pl.lit(pl.Series(names)).gather(locale * 4 + draw_bits(seed, part) % 4)

    # Domains and numbers reserved for examples: RFC 2606, NANP 555-01xx, Ofcom 07700 900xxx.
    mail = pl.concat_str(
        draw_text(seed, "mail", MAIL_NAMES),
        pl.lit("."),
        INDEX,
        draw_text(seed, "host", ("@example.com", "@example.org")),
    )
    digits = (draw_bits(seed, "phone") % 1000).cast(pl.String).str.zfill(3)
    phone = (
        pl.when(draw_event(seed, "british", 0.5))
        .then("+447700900" + digits)
        .otherwise("+120255501" + digits.str.tail(2))
    )
    language = pl.lit(pl.Series([locale_.language for locale_ in LOCALES])).gather(locale)
    return {
        "firstname": _text(known, name("first name", [n for locale_ in LOCALES for n in locale_.first_names])),
        "lastname": _text(known, name("last name", [n for locale_ in LOCALES for n in locale_.last_names])),
        "email": _text(known & draw_event(seed, "gives mail", 0.9), mail),
        "phone": _text(known & draw_event(seed, "gives phone", 0.5), phone),
        "language": _text(state.opened.is_not_null(), language),
        "optin": _flag(known & draw_event(seed, "opts in", 0.4)),
        "customfield1": _text(known, draw_text(seed, "city", CITIES)),
        "customfield2": _text(known & draw_event(seed, "comments", 0.1), draw_text(seed, "comment", COMMENTS)),
        "customfield3": _text(known, ((draw_uniform(seed, "age") * 70).cast(pl.Int64) + 16).cast(pl.String)),
        **{f"customfield{number}": pl.lit("") for number in range(4, 8)},
    }
