"""Generates the times at which sessions are created, opened, claimed and so on, month by month.

A month is a pure function of the seed, the size and the month. It holds the times of all events of the
sessions created in it, future ones too; `session_records` turns them into the state at a moment.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from resources.sandbox.generated.campaigns import FIRST_DAY, REFERENCE_DAY, CampaignPlan
from resources.sandbox.generated.random_columns import draw_bits, draw_delay, draw_event, draw_uniform

MINUTE, HOUR, DAY = 60, 3600, 86_400
NEVER = 2**60
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, like all times here

WEEKDAYS = (0.9, 0.85, 0.95, 1.0, 1.25, 1.4, 0.65)
WORKDAY_HOURS = (1, 1, 1, 1, 1, 2, 5, 9, 11, 12, 13, 15, 20, 16, 13, 13, 15, 20, 24, 26, 24, 18, 9, 3)
WEEKEND_HOURS = (3, 2, 1, 1, 1, 1, 2, 4, 9, 15, 21, 24, 22, 20, 20, 21, 22, 21, 20, 20, 18, 15, 10, 6)

EVENTS = (
    "created", "opened", "played", "claimed", "validated", "reset", "claimed_again", "validated_again",
    "voided", "unvoided", "locked", "unlocked", "saved", "saved_to_google",
)  # fmt: skip
EVENT_SCHEMA = dict.fromkeys(EVENTS, pl.Int64)
"""Event times in seconds since 1970 UTC; null = never happens."""


def to_seconds(moment: datetime) -> int:
    """Return whole seconds since 1970 of a naive UTC moment, rounded down."""
    return (moment - EPOCH) // timedelta(seconds=1)


def find_next_month(month: datetime) -> datetime:
    """Return the first moment of the month after."""
    return month + timedelta(days=monthrange(month.year, month.month)[1])


def count_sessions_before(sessions: int, moment: datetime) -> int:
    """Return how many sessions were created before `moment`, if `sessions` are until the reference day.

    After it they go on at the average rate until then.
    """
    share = max(0.0, (moment - FIRST_DAY) / (REFERENCE_DAY - FIRST_DAY))
    # A growing account: half its final rate at first, one and a half of it at the end, then even.
    return int(sessions * (share * (1 + share) / 2 if share < 1 else share))


def generate_month(seed: int, sessions: int, plans: Sequence[CampaignPlan], month: datetime) -> pl.DataFrame:
    """Return the sessions created in a month, in order of creation.

    Columns: `index` (UInt64, global and increasing), `campaign` (UInt32, position in `plans`), and those of
    `EVENT_SCHEMA`.
    """
    first, last = count_sessions_before(sessions, month), count_sessions_before(sessions, find_next_month(month))
    cells = _make_cells(plans, month)
    if first == last or cells.is_empty():
        return pl.DataFrame(schema={"index": pl.UInt64, "campaign": pl.UInt32, **EVENT_SCHEMA})
    rows = pl.select(index=pl.int_range(first, last, dtype=pl.UInt64))
    places = cells["cumulative"].search_sorted(
        rows.select(draw_uniform(seed, "cell") * cells["cumulative"][-1]).to_series(), side="right"
    )
    rows = rows.hstack(cells.select("campaign", "day")[places.clip(0, cells.height - 1)])
    rows = _add_plan(rows, plans).with_columns(created=_draw_creation(seed)).sort("created", "index")
    rows = rows.with_columns(index=pl.int_range(first, last, dtype=pl.UInt64))
    return _add_other_events(seed, _add_steps(seed, rows)).select("index", "campaign", *EVENT_SCHEMA)


def _make_cells(plans: Sequence[CampaignPlan], month: datetime) -> pl.DataFrame:
    """Return the (campaign, day) pairs on which sessions are made, with their cumulative weight.

    Columns: `campaign` (UInt32), `day` (Int64, seconds of its midnight), `cumulative` (Float64, increasing).
    """
    plan = pl.DataFrame(
        {
            "campaign": pl.Series(range(len(plans)), dtype=pl.UInt32),
            "launched": pl.Series([to_seconds(p.launched) for p in plans], dtype=pl.Int64),
            "ends": pl.Series([to_seconds(p.ends) if p.ends else NEVER for p in plans], dtype=pl.Int64),
            "weight": [p.weight for p in plans],
            "is_bulk": [p.is_bulk for p in plans],
        }
    )
    days = pl.select(day=pl.int_range(to_seconds(month), to_seconds(find_next_month(month)), DAY, dtype=pl.Int64))
    age = (pl.col("day") - pl.col("launched")) / DAY
    weekday = _find_weekday(pl.col("day"))
    # Bulk campaigns make the links of a whole week on its Monday.
    rhythm = pl.when("is_bulk").then((weekday == 0) * 7.0).otherwise(pl.lit(pl.Series(WEEKDAYS)).gather(weekday))
    return (
        plan.join(days, how="cross")
        .filter(pl.col("day") >= pl.col("launched"), pl.col("day") + DAY <= pl.col("ends"))
        .with_columns(weight=pl.col("weight") * rhythm * ((-age / 120).exp() + 0.3))
        .filter(pl.col("weight") > 0)
        .select("campaign", "day", cumulative=pl.col("weight").cum_sum())
    )


def _find_weekday(day: pl.Expr) -> pl.Expr:
    """Return 0 (Monday) to 6 of a time in seconds; 1970-01-01 was a Thursday."""
    return (day // DAY + 3) % 7


def _add_plan(rows: pl.DataFrame, plans: Sequence[CampaignPlan]) -> pl.DataFrame:
    plan = pl.DataFrame(
        {
            "ends": pl.Series([to_seconds(p.ends) if p.ends else NEVER for p in plans], dtype=pl.Int64),
            "is_game": [p.is_game for p in plans],
            "is_bulk": [p.is_bulk for p in plans],
            "open_rate": [p.open_rate for p in plans],
            "claim_rate": [p.claim_rate for p in plans],
            "validation_rate": [p.validation_rate for p in plans],
        }
    )
    return rows.hstack(plan[rows["campaign"]])


def _draw_hour(seed: int, hours: Sequence[int]) -> pl.Expr:
    cumulative = pl.Series(hours, dtype=pl.Float64).cum_sum() / sum(hours)
    return pl.lit(cumulative).search_sorted(draw_uniform(seed, "hour"), side="right").cast(pl.Int64)


def _draw_creation(seed: int) -> pl.Expr:
    hour = (
        pl.when(_find_weekday(pl.col("day")) >= 5)
        .then(_draw_hour(seed, WEEKEND_HOURS))
        .otherwise(_draw_hour(seed, WORKDAY_HOURS))
    )
    second = (draw_bits(seed, "second") % HOUR).cast(pl.Int64)
    moment = (
        pl.when("is_bulk").then(8 * HOUR + pl.col("campaign").cast(pl.Int64) * MINUTE).otherwise(hour * HOUR + second)
    )
    return pl.col("day") + moment


def _add_steps(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the times of opening, playing, claiming and validating.

    Not every step needs the one before: links made in bulk may be claimed unopened.
    """
    created, opened, claimed = pl.col("created"), pl.col("opened"), pl.col("claimed")
    opening = pl.when("is_bulk").then(2.0 * DAY).otherwise(20.0)
    evening = 1 + 0.25 * (created // HOUR % 24).is_between(17, 21)
    unopened = pl.col("is_bulk") & draw_event(seed, "claimed unopened", 0.2)
    reaches_claim = (opened.is_not_null() | unopened) & (pl.col("played").is_not_null() | ~pl.col("is_game"))
    patience = pl.when(draw_event(seed, "in a hurry", 0.6)).then(3.0 * MINUTE).otherwise(1.5 * DAY)
    last = pl.max_horizontal("created", "opened", "played")
    opens = draw_event(seed, "open", pl.col("open_rate"))
    plays = pl.col("is_game") & draw_event(seed, "play", 0.85)
    claims = reaches_claim & draw_event(seed, "claim", pl.col("claim_rate") * evening)
    validates = draw_event(seed, "validate", pl.col("validation_rate"))
    return (
        rows.with_columns(opened=_if(opens, created + draw_delay(seed, "opened", opening)))
        .with_columns(played=_if(plays, opened + draw_delay(seed, "played", 45.0)))
        .with_columns(claimed=_if(claims, last + draw_delay(seed, "claimed", patience)))
        .with_columns(claimed=_if(claimed < pl.col("ends"), claimed))
        .with_columns(validated=_if(validates, _draw_shop_time(seed, claimed)))
    )


def _add_other_events(seed: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the times of what may happen besides: saving, locking, voiding, and resetting after validation."""
    reset, claimed_again, voided = pl.col("reset"), pl.col("claimed_again"), pl.col("voided")
    last = pl.max_horizontal("created", "opened", "claimed", "validated")
    resets, voids = draw_event(seed, "reset", 0.04), reset.is_null() & draw_event(seed, "void", 0.025)
    return (
        rows.with_columns(
            saved=_if(draw_event(seed, "save", 0.2), pl.col("claimed") + draw_delay(seed, "saved", 30.0)),
            saved_to_google=_if(
                draw_event(seed, "save to google", 0.15), pl.col("claimed") + draw_delay(seed, "saved to google", 30.0)
            ),
            locked=_if(draw_event(seed, "lock", 0.01), last + draw_delay(seed, "locked", 2.0 * DAY)),
            reset=_if(resets, pl.col("validated") + draw_delay(seed, "reset at", 5.0 * DAY)),
        )
        .with_columns(
            claimed_again=_if(draw_event(seed, "again", 0.5), reset + draw_delay(seed, "claimed again", 2.0 * DAY)),
            voided=_if(voids, last + draw_delay(seed, "voided", 3.0 * DAY)),
        )
        .with_columns(
            validated_again=_if(draw_event(seed, "twice", 0.6), _draw_shop_time(seed, claimed_again)),
            unlocked=_if(draw_event(seed, "unlock", 0.4), pl.col("locked") + draw_delay(seed, "unlocked", 60.0 * DAY)),
            unvoided=_if(draw_event(seed, "unvoid", 0.25), voided + draw_delay(seed, "unvoided", 2.0 * DAY)),
        )
    )


def _if(condition: pl.Expr, moment: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(moment)


def _draw_shop_time(seed: int, claimed: pl.Expr) -> pl.Expr:
    """Return a moment in opening hours (9 to 20 h UTC), some days after the claim."""
    day = (claimed + draw_delay(seed, "validated", 4.0 * DAY)) // DAY * DAY
    moment = day + 9 * HOUR + (draw_bits(seed, "shop hour") % (11 * HOUR)).cast(pl.Int64)
    return pl.max_horizontal(moment, claimed + 5 * MINUTE)
