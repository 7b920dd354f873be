"""Writes the report: one self-contained HTML page with the numbers and plots of the account.

It shows numbers, and names of campaigns, channels, locations, cards and directories; no column with personal data.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from assets.catalogue import TABLES
from assets.ingest.personal_data import printable_names
from assets.plots import NARROW, WIDE
from assets.report.figures import MONTHS, Figure, is_not_in_future
from assets.report.headline import DAYS_COMPARED, compare_days
from assets.tables.table import Table
from resources.printable import make_printable

if TYPE_CHECKING:
    from jinja2 import Template

MARTS = (
    "campaign_funnel",
    "channels",
    "locations",
    "loyalty_points",
    "registrations_by_month",
    "session_breakage",
    "session_events",
    "session_expiry",
    "sessions_by_hour",
    "weekly_cohorts",
)
"""The views that the report shows."""

MIN_SESSIONS = 30
"""Sessions that a campaign needs to be among the best or worst."""

WEEKS, COHORTS = 9, 16
WEEKS_ON_A_PHONE = (0, 1, 4, 8)
WEEKS_ON_A_SMALL_PHONE = (0, 1, 8)
"""The weeks of a cohort that have a column on narrower screens."""
MAX_ROWS_SHOWN = 10
SECOND_SEPARATOR = re.compile(r",(?=\d{3},\d{3}(?:,\d{3},\d{3})*(?:\.|$))")
"""In a number with separators, each second one from its end."""

MIN_SEPARATORS_TO_BREAK = 4
"""Separators of a number that takes half of the width of a phone."""

MAX_ROWS_SEARCHED = 10_000
"""Rows of a table that are searched for API fields without a column."""

Rows = Sequence[tuple[Any, ...]]
Query = Callable[[str], Rows]


def write_report(connection: duckdb.DuckDBPyConnection, figures: Mapping[str, Figure]) -> str:
    """Write the report of the current database of a connection, with its figures, as HTML."""

    def query(sql: str) -> Rows:
        return connection.execute(sql).fetchall()

    health = _health(query)
    return _template().render(
        figures=figures,
        sizes={"wide": WIDE, "narrow": NARROW},
        headline=compare_days(connection),
        days_compared=DAYS_COMPARED,
        now=_now(query, figures.get("funnel")),
        read_until=max((read for _, _, _, read, _ in health if read), default=None),
        health=health,
        rejected=query(
            """
            SELECT table_name, reason, count(*) FROM main.quarantine
            GROUP BY ALL ORDER BY count(*) DESC, table_name, reason LIMIT 20
            """
        ),
        **_of_campaigns(query),
        **_of_sessions(query),
        **_of_the_others(query),
    )


@cache
def _template() -> "Template":
    """Compile the page, once a process."""
    from jinja2 import Environment

    page = Environment(autoescape=True)
    page.filters |= {"readable": _readable, "breakable": _breakable, "percent": _percent}
    return page.from_string((Path(__file__).parent / "report.html.jinja").read_text("utf-8"))


def _now(query: Query, funnel: Figure | None) -> Sequence[tuple[str, object]]:
    """Query the totals of the account; those of sessions are taken from the funnel."""
    steps: Mapping[str, int] = dict(funnel.rows) if funnel else {}
    sessions, validated = steps.get("created", 0), steps.get("validated", 0)
    counted = {
        "campaigns": "SELECT count(*) FROM main.campaigns WHERE _deleted_at IS NULL",
        "loyalty users": "SELECT count(*) FROM main.loyalty_users WHERE _deleted_at IS NULL",
        "directory registrations": "SELECT count(*) FROM main.directory_registrations WHERE _deleted_at IS NULL",
    }
    return [
        ("coupon sessions", sessions),
        ("validated", validated),
        ("of all sessions", _percent(validated / sessions) if sessions else "-"),
        *((name, query(sql)[0][0]) for name, sql in counted.items()),
    ]


def _of_campaigns(query: Query) -> Mapping[str, object]:
    """Query the campaigns with the highest and the lowest share of validations, of those where these are tracked."""
    campaigns = query(
        f"""
        SELECT
            validation_may_not_be_tracked,
            coalesce(campaign_name, campaign_title, campaign_id), created, validated, validated_rate
        FROM marts.campaign_funnel WHERE created >= {MIN_SESSIONS}
        ORDER BY validated_rate DESC, campaign_id
        """
    )
    rows = [(*numbers, _percent(share)) for is_untracked, *numbers, share in campaigns if not is_untracked]
    untracked = len(campaigns) - len(rows)
    return {"fewest": MIN_SESSIONS, "best": rows[:5], "worst": rows[:-6:-1], "untracked": untracked}


def _of_sessions(query: Query) -> Mapping[str, object]:
    """Query channels, locations, reversals, breakage, and the cohorts."""
    return {
        "channels": _channels(query),
        "locations": _locations(query),
        "reversals": _reversals(query),
        "breakage": query(
            f"""
            SELECT
                strftime(month, '%Y-%m'),
                sum(expired)::BIGINT, sum(validated)::BIGINT, sum(unused)::BIGINT, sum(unused) / sum(expired)
            FROM marts.session_breakage
            GROUP BY month ORDER BY month DESC LIMIT {MONTHS}
            """
        ),
        "weeks": WEEKS,
        "weeks_on_a_phone": WEEKS_ON_A_PHONE,
        "weeks_on_a_small_phone": WEEKS_ON_A_SMALL_PHONE,
        "cohorts": _cohorts(query),
    }


def _channels(query: Query) -> Rows:
    """Query the channels with the most sessions."""
    rows = query(
        f"""
        SELECT
            [utm_source, utm_medium, utm_campaign],
            created, created_share, opened_rate, claimed_rate, validated_rate, validated, money_spent
        FROM marts.channels
        ORDER BY created DESC, utm_source, utm_medium, utm_campaign LIMIT {MAX_ROWS_SHOWN}
        """
    )
    return [(_name_channel(texts), *figures) for texts, *figures in rows]


def _name_channel(texts: Sequence[str | None]) -> str:
    """Join the texts of a channel up to its last; one that names somebody is not shown, unless it may be an id."""
    given = max((number for number, text in enumerate(texts, 1) if text), default=0)
    return " / ".join("-" if not text else _printable_text(text) for text in texts[:given]) or "none"


def _printable_text(text: str) -> str:
    return text if text.isdecimal() else next(iter(printable_names([text])))


def _locations(query: Query) -> Rows:
    """Query the locations with most validations in the last months that have any."""
    ((last,),) = query(
        f"""
        SELECT max(validated_at)::DATE FROM main.coupon_sessions
        WHERE _deleted_at IS NULL AND {is_not_in_future("validated_at")}
        """
    )
    if last is None:
        return []
    return query(
        f"""
        SELECT
            coalesce(nullif(concat_ws(', ', max(company), max(city)), ''), 'none'),
            location_id,
            sum(validations)::BIGINT,
            sum(validations) / sum(sum(validations)) OVER (),
            sum(voided)::BIGINT,
            sum(money_spent)
        FROM marts.locations
        WHERE month > date_trunc('month', DATE '{last}') - INTERVAL {MONTHS} MONTH AND {is_not_in_future("month")}
        GROUP BY
            location_id,
            CASE WHEN location_id IS NULL THEN company END,
            CASE WHEN location_id IS NULL THEN city END
        ORDER BY 3 DESC, 1, location_id LIMIT {MAX_ROWS_SHOWN}
        """
    )


def _reversals(query: Query) -> Rows:
    """Query by month: validations, what is void, no longer void, and what was taken back between two exports."""
    return query(
        f"""
        WITH steps AS (
            SELECT
                date_trunc('month', happened_at) AS month,
                count(*) FILTER (event = 'validated') AS validated,
                count(*) FILTER (event = 'voided') AS voided,
                count(*) FILTER (event = 'unvoided') AS unvoided
            FROM marts.session_events
            WHERE event IN ('validated', 'voided', 'unvoided') AND {is_not_in_future("happened_at")}
            GROUP BY ALL
            UNION ALL BY NAME
            SELECT
                date_trunc('month', observed_at) AS month,
                count(*) FILTER (validated_at_before IS NOT NULL AND validated_at_after IS NULL) AS reset,
                count(*) FILTER (is_locked_after AND is_locked_before IS NOT TRUE) AS locked
            FROM main.coupon_session_changes
            GROUP BY ALL
        )
        SELECT
            strftime(month, '%Y-%m'),
            coalesce(sum(validated), 0)::BIGINT,
            coalesce(sum(voided), 0)::BIGINT,
            coalesce(sum(unvoided), 0)::BIGINT,
            coalesce(sum(reset), 0)::BIGINT,
            coalesce(sum(locked), 0)::BIGINT
        FROM steps
        GROUP BY month ORDER BY month DESC LIMIT {MONTHS}
        """
    )


def _cohorts(query: Query) -> Sequence[Mapping[str, object]]:
    """Query the newest weeks with sessions, with the share that was validated up to each number of weeks later.

    A share is None where the week has not come: no step of any session is as late.
    """
    cohorts: dict[date, tuple[int, list[float | None]]] = {}
    weeks = query(
        f"""
        SELECT DISTINCT date_trunc('week', created_at)::DATE FROM main.coupon_sessions
        WHERE _deleted_at IS NULL AND {is_not_in_future("created_at")}
        ORDER BY 1 DESC LIMIT {COHORTS}
        """
    )
    first, last = weeks[-1][0] if weeks else date.max, weeks[0][0] if weeks else date.min
    rows = query(
        f"""
        SELECT
            week,
            created,
            weeks_after,
            validated_rate_so_far,
            max(step_week) FILTER ({is_not_in_future("step_week")}) OVER () AS newest_week
        FROM (SELECT *, (week + to_weeks(weeks_after::INTEGER))::DATE AS step_week FROM marts.weekly_cohorts)
        WHERE week BETWEEN DATE '{first}' AND DATE '{last}'
        ORDER BY week, weeks_after
        """
    )
    for week, created, after, share, _ in rows:
        shares = cohorts.setdefault(week, (created, [None] * WEEKS))[1]
        for later in range(after, WEEKS):
            shares[later] = share
    newest_week = rows[0][-1] if rows else None
    for week, (_, shares) in cohorts.items():
        for later in range(WEEKS):
            if newest_week and later > (newest_week - week).days // 7:
                shares[later] = None
    return [{"week": week, "created": created, "shares": shares} for week, (created, shares) in cohorts.items()]


def _of_the_others(query: Query) -> Mapping[str, object]:
    """Query loyalty cards and directories."""
    return {
        "loyalty": query(
            """
            SELECT coalesce(card_name, loyalty_card_id), users, users_not_void, points, median_points, stamps
            FROM marts.loyalty_points
            ORDER BY users DESC, loyalty_card_id LIMIT 50
            """
        ),
        "payments": query(
            """
            SELECT
                coalesce(payment_type, 'none'), sum(registrations)::BIGINT, sum(paid)::BIGINT, sum(revenue), currency
            FROM marts.registrations_by_month
            GROUP BY ALL ORDER BY 2 DESC, 1, currency
            """
        ),
    }


def _health(query: Query) -> Sequence[tuple[str, int, int, datetime | None, str]]:
    """Query of each table: live rows, deleted rows, when one was last seen, and API fields without a column."""
    rows = []
    for table in (model for model in TABLES if model.KEY):
        ((live, deleted, seen),) = query(
            "SELECT count(*) FILTER (_deleted_at IS NULL), count(_deleted_at), max(_extracted_at) "
            f'FROM main."{table.TABLE}"'
        )
        rows.append((table.TABLE, live, deleted, seen, ", ".join(sorted(printable_names(_new_fields(query, table))))))
    return rows


def _new_fields(query: Query, table: type[Table]) -> set[str]:
    """Query the names of API fields without a column; one inside an object that has columns is named `status.name`."""
    extras = f'(SELECT _extra FROM main."{table.TABLE}" WHERE _extra IS NOT NULL LIMIT {MAX_ROWS_SEARCHED})'
    names = {name for (name,) in query(f"SELECT DISTINCT unnest(json_keys(_extra)) FROM {extras}")}
    groups = {path[0] for column in table.columns() for path in column.paths if len(path) > 1}
    for group in names & groups:
        inside = query(f"SELECT DISTINCT unnest(json_keys(_extra, '$.{group}')) FROM {extras}")
        names = names - {group} | ({f"{group}.{name}" for (name,) in inside} or {group})
    return names


def _readable(value: object) -> object:
    """Format a value for people; texts may come from the API."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int | float | Decimal):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return make_printable(value) if isinstance(value, str) else value


def _breakable(number: object) -> object:
    """Let the page break a long number after every second separator, where there is no width for all of it."""
    from markupsafe import Markup, escape

    written = escape(str(number))
    if written.count(",") < MIN_SEPARATORS_TO_BREAK:
        return number
    return Markup(SECOND_SEPARATOR.sub(",<wbr>", written))  # noqa: S704 - it is escaped


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
