"""The report: one page with the account's figures and plots, that needs nothing but itself.

It shows numbers, and names of campaigns, cards and directories; no column with personal data.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from assets.catalogue import TABLES
from resources.printable import make_printable

MIN_SESSIONS = 30
"""A campaign with fewer is not among the best or worst."""

WEEKS, COHORTS = 9, 16
ROWS_LOOKED_AT = 10_000
"""So many rows of a table are searched for new API fields."""

Rows = Sequence[tuple[Any, ...]]
Ask = Callable[[str], Rows]


def report(connection: duckdb.DuckDBPyConnection, figures: Mapping[str, str]) -> str:
    """Write the report of the current database of a connection, with its figures (SVG by name), as HTML."""
    from jinja2 import Environment

    page = Environment(autoescape=True)
    page.filters |= {"told": _told, "percent": _percent}
    template = page.from_string((Path(__file__).parent / "report.html.jinja").read_text("utf-8"))

    def ask(query: str) -> Rows:
        return connection.execute(query).fetchall()

    health = _health(ask)
    return template.render(
        figures=figures,
        headline=_headline(ask),
        read_until=max((read for _, _, _, read, _ in health if read), default=None),
        health=health,
        rejected=ask(
            "SELECT table_name, reason, count(*) FROM main.quarantine GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT 20"
        ),
        **_of_sessions(ask),
        **_of_the_others(ask),
    )


def _headline(ask: Ask) -> Sequence[tuple[str, object]]:
    ((sessions, validated),) = ask("SELECT sum(created), sum(validated) FROM marts.campaign_funnel")
    counted = {
        "campaigns": "SELECT count(*) FROM main.campaigns WHERE _deleted_at IS NULL",
        "loyalty users": "SELECT count(*) FROM main.loyalty_users WHERE _deleted_at IS NULL",
        "directory registrations": "SELECT count(*) FROM main.directory_registrations WHERE _deleted_at IS NULL",
    }
    share = _percent(validated / sessions) if sessions else "-"
    return [
        ("coupon sessions", int(sessions or 0)),
        ("validated", int(validated or 0)),
        ("of all sessions", share),
        *((name, ask(query)[0][0]) for name, query in counted.items()),
    ]


def _of_sessions(ask: Ask) -> Mapping[str, object]:
    """The best and worst campaigns, and the cohorts."""
    of_campaigns = (
        "SELECT coalesce(campaign_title, campaign_name, campaign_id), created, validated, "
        "round(100 * validated_rate, 1)::VARCHAR || ' %' FROM marts.campaign_funnel "
        f"WHERE created >= {MIN_SESSIONS} ORDER BY validated_rate {{}}, campaign_id LIMIT 5"
    )
    return {
        "fewest": MIN_SESSIONS,
        "campaign_columns": ["campaign", "sessions", "validated", "share"],
        "best": ask(of_campaigns.format("DESC")),
        "worst": ask(of_campaigns.format("ASC")),
        "weeks": WEEKS,
        "cohorts": _cohorts(ask),
    }


def _cohorts(ask: Ask) -> Sequence[Mapping[str, object]]:
    """The newest weeks with sessions, each with the share that was validated until so many weeks later."""
    cohorts: dict[date, tuple[int, list[float | None]]] = {}
    query = (
        "SELECT week, created, weeks_after, validated_rate_so_far FROM marts.weekly_cohorts WHERE week IN "
        f"(SELECT DISTINCT week FROM marts.weekly_cohorts ORDER BY week DESC LIMIT {COHORTS}) ORDER BY 1, 3"
    )
    for week, created, after, share in ask(query):
        shares = cohorts.setdefault(week, (created, [None] * WEEKS))[1]
        for later in range(after, WEEKS):
            shares[later] = share
    over = max(cohorts, default=None)
    for week, (_, shares) in cohorts.items():
        for later in range(WEEKS):
            if over and week + timedelta(weeks=later) > over:
                shares[later] = None
    return [{"week": week, "created": created, "shares": shares} for week, (created, shares) in cohorts.items()]


def _of_the_others(ask: Ask) -> Mapping[str, object]:
    """Loyalty cards and directories."""
    return {
        "loyalty": ask(
            "SELECT coalesce(card_name, loyalty_card_id), users, users_not_void, points, median_points, stamps "
            "FROM marts.loyalty_points ORDER BY users DESC LIMIT 50"
        ),
        "payments": ask(
            "SELECT coalesce(payment_type, 'free'), sum(registrations)::BIGINT, sum(paid)::BIGINT, sum(revenue), "
            "currency FROM marts.registrations_by_month GROUP BY ALL ORDER BY 2 DESC"
        ),
    }


def _health(ask: Ask) -> Sequence[tuple[str, int, int, datetime | None, str]]:
    found = []
    for table in (each.TABLE for each in TABLES if each.KEY):
        ((live, gone, read),) = ask(
            f'SELECT count(*) FILTER (_deleted_at IS NULL), count(_deleted_at), max(_extracted_at) FROM main."{table}"'
        )
        fields = ask(
            f'SELECT DISTINCT unnest(json_keys(_extra)) FROM (SELECT _extra FROM main."{table}" '
            f"WHERE _extra IS NOT NULL LIMIT {ROWS_LOOKED_AT}) ORDER BY 1"
        )
        found.append((table, live, gone, read, ", ".join(name for (name,) in fields)))
    return found


def _told(value: object) -> object:
    """A value as people read it; texts may be the API's."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int | float | Decimal):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return make_printable(value) if isinstance(value, str) else value


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
