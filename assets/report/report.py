"""Writes the report: one HTML page with the numbers and plots of the account, without any other file.

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
"""Sessions that a campaign needs to be among the best or worst."""

WEEKS, COHORTS = 9, 16
MAX_ROWS_SEARCHED = 10_000
"""Rows of a table that are searched for API fields without a column."""

Rows = Sequence[tuple[Any, ...]]
Query = Callable[[str], Rows]


def report(connection: duckdb.DuckDBPyConnection, figures: Mapping[str, str]) -> str:
    """Write the report of the current database of a connection, with its figures (SVG by name), as HTML."""
    from jinja2 import Environment

    page = Environment(autoescape=True)
    page.filters |= {"readable": _readable, "percent": _percent}
    template = page.from_string((Path(__file__).parent / "report.html.jinja").read_text("utf-8"))

    def query(sql: str) -> Rows:
        return connection.execute(sql).fetchall()

    health = _health(query)
    return template.render(
        figures=figures,
        headline=_headline(query),
        read_until=max((read for _, _, _, read, _ in health if read), default=None),
        health=health,
        rejected=query(
            "SELECT table_name, reason, count(*) FROM main.quarantine GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT 20"
        ),
        **_of_sessions(query),
        **_of_the_others(query),
    )


def _headline(query: Query) -> Sequence[tuple[str, object]]:
    ((sessions, validated),) = query("SELECT sum(created), sum(validated) FROM marts.campaign_funnel")
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
        *((name, query(sql)[0][0]) for name, sql in counted.items()),
    ]


def _of_sessions(query: Query) -> Mapping[str, object]:
    """Query the best and worst campaigns, and the cohorts."""
    of_campaigns = (
        "SELECT coalesce(campaign_title, campaign_name, campaign_id), created, validated, "
        "round(100 * validated_rate, 1)::VARCHAR || ' %' FROM marts.campaign_funnel "
        f"WHERE created >= {MIN_SESSIONS} ORDER BY validated_rate {{}}, campaign_id LIMIT 5"
    )
    return {
        "fewest": MIN_SESSIONS,
        "campaign_columns": ["campaign", "sessions", "validated", "share"],
        "best": query(of_campaigns.format("DESC")),
        "worst": query(of_campaigns.format("ASC")),
        "weeks": WEEKS,
        "cohorts": _cohorts(query),
    }


def _cohorts(query: Query) -> Sequence[Mapping[str, object]]:
    """Query the newest weeks with sessions, with the share that was validated up to each number of weeks later."""
    cohorts: dict[date, tuple[int, list[float | None]]] = {}
    sql = (
        "SELECT week, created, weeks_after, validated_rate_so_far FROM marts.weekly_cohorts WHERE week IN "
        f"(SELECT DISTINCT week FROM marts.weekly_cohorts ORDER BY week DESC LIMIT {COHORTS}) ORDER BY 1, 3"
    )
    for week, created, after, share in query(sql):
        shares = cohorts.setdefault(week, (created, [None] * WEEKS))[1]
        for later in range(after, WEEKS):
            shares[later] = share
    over = max(cohorts, default=None)
    for week, (_, shares) in cohorts.items():
        for later in range(WEEKS):
            if over and week + timedelta(weeks=later) > over:
                shares[later] = None
    return [{"week": week, "created": created, "shares": shares} for week, (created, shares) in cohorts.items()]


def _of_the_others(query: Query) -> Mapping[str, object]:
    """Query loyalty cards and directories."""
    return {
        "loyalty": query(
            "SELECT coalesce(card_name, loyalty_card_id), users, users_not_void, points, median_points, stamps "
            "FROM marts.loyalty_points ORDER BY users DESC LIMIT 50"
        ),
        "payments": query(
            "SELECT coalesce(payment_type, 'free'), sum(registrations)::BIGINT, sum(paid)::BIGINT, sum(revenue), "
            "currency FROM marts.registrations_by_month GROUP BY ALL ORDER BY 2 DESC"
        ),
    }


def _health(query: Query) -> Sequence[tuple[str, int, int, datetime | None, str]]:
    """Query of each table: live rows, deleted rows, when it was last read, and API fields without a column."""
    rows = []
    for table in (model.TABLE for model in TABLES if model.KEY):
        ((live, deleted, read),) = query(
            f'SELECT count(*) FILTER (_deleted_at IS NULL), count(_deleted_at), max(_extracted_at) FROM main."{table}"'
        )
        fields = query(
            f'SELECT DISTINCT unnest(json_keys(_extra)) FROM (SELECT _extra FROM main."{table}" '
            f"WHERE _extra IS NOT NULL LIMIT {MAX_ROWS_SEARCHED}) ORDER BY 1"
        )
        rows.append((table, live, deleted, read, ", ".join(name for (name,) in fields)))
    return rows


def _readable(value: object) -> object:
    """Format a value for people; texts may come from the API."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int | float | Decimal):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return make_printable(value) if isinstance(value, str) else value


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
