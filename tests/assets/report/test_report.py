"""The page report.html, over rows that a test writes down."""

import re
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from assets.plots import NARROW, WIDE, Size
from assets.report.figures import query_figures
from assets.report.headline import Compared, compare_days
from assets.report.report import MARTS, write_report
from resources.utc import utc_today
from tests.support.marts import READ_AT, Row, open_marts

LAST_DAY = READ_AT - timedelta(days=1)
PERSON = "ann@example.org"


def session(days_ago: int, **moments: datetime) -> Row:
    """A session that was created so many days before the last day that was read to its end, by a person."""
    moment = LAST_DAY - timedelta(days=days_ago)
    return {"created_at": moment, "email": PERSON, "phone": "+32 470 11 22 33", "value": PERSON} | moments


def written(connection: duckdb.DuckDBPyConnection) -> str:
    return write_report(connection, query_figures(connection))


def lively() -> dict[str, list[Row]]:
    """Rows of everything that the report shows."""
    validated = [
        session(number, validated_at=LAST_DAY, claimed_at=LAST_DAY, opened_at=LAST_DAY)
        | {"validation_value": Decimal("2.50"), "utm_source": "post", "redeem_location_company": "Bakery"}
        for number in range(40)
    ]
    void = session(3, voided_at=LAST_DAY) | {"is_voided": True, "expires_at_local": LAST_DAY - timedelta(days=2)}
    unknown = session(0) | {"_extra": f'{{"shoes": 43, "{PERSON}": 1, "+32 470 11 22 33": 2}}'}
    unknown |= {"utm_source": f"mail to {PERSON}", "utm_medium": "+32 470 11 22 33", "utm_campaign": "20260101"}
    return {
        "campaigns": [{"campaign_id": "cam_1", "title": "Summer"}],
        "coupon_sessions": [*validated, void, unknown],
        "coupon_session_changes": [{"session_id": "s1", "observed_at": READ_AT, "validated_at_before": LAST_DAY}],
        "loyalty_cards": [{"loyalty_card_id": "7", "name": "Club"}],
        "loyalty_users": [{"loyalty_card_id": "7", "loyalty_user_id": "1", "email": PERSON, "points": 3}],
        "directory_registrations": [
            {"directory_id": "d", "registration_id": "1", "registered_at": LAST_DAY, "email": PERSON}
        ],
    }


def test_the_last_days_are_compared_with_as_many_before_each_step_on_its_own_day() -> None:
    sessions = [
        session(0),
        session(29, validated_at=LAST_DAY) | {"validation_value": Decimal("2.50")},
        session(30),
        session(59, validated_at=LAST_DAY - timedelta(days=30)),
        session(60),
        session(-1),  # on the day of the export, which was not over
        session(1) | {"_deleted_at": READ_AT},
    ]
    with open_marts(coupon_sessions=sessions) as connection:
        headline = compare_days(connection)
    assert headline is not None
    assert [str(day) for day in (*headline.days_before, *headline.days)] == [
        "2026-01-30",
        "2026-02-28",
        "2026-03-01",
        "2026-03-30",
    ]
    assert headline.figures == [
        Compared("created", 2, 2),
        Compared("opened", 0, 0),
        Compared("claimed", 0, 0),
        Compared("validated", 1, 1),
        Compared("voided", 0, 0),
        Compared("money spent", Decimal("2.50"), 0),
    ]


def test_days_long_before_the_export_are_compared_up_to_the_last_with_sessions() -> None:
    with open_marts(coupon_sessions=[session(100)]) as connection:
        headline = compare_days(connection)
    assert headline is not None
    assert headline.last == (LAST_DAY - timedelta(days=100)).date()


def test_codes_that_were_created_at_once_are_shown_as_long_as_they_are_used() -> None:
    sessions = [session(100, validated_at=LAST_DAY - timedelta(days=days)) for days in (0, 40, 90)]
    with open_marts(coupon_sessions=sessions) as connection:
        headline = compare_days(connection)
        days = query_figures(connection)["sessions by day"].rows
        cohorts = re.search('<table class="cohorts">.*?</table>', written(connection), re.DOTALL)
    assert headline is not None
    assert [Compared("created", 0, 0), Compared("validated", 1, 1)] == [headline.figures[0], headline.figures[3]]
    assert (len(days), days[0][1], sum(validated for *_, validated in days)) == (101, 3, 3)
    assert cohorts is not None
    assert cohorts[0].count("%</td>") == 9


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (3, 2, "▲ 50.0%"),
        (1, 2, "▼ 50.0%"),
        (1, -2, "▲ 150.0%"),
        (-3, -2, "▼ 50.0%"),
        (2, 2, "as before"),
        (0, 0, "as before"),
        (5, 0, "none before"),
    ],
)
def test_a_change_says_its_direction(now: int, before: int, change: str) -> None:
    assert Compared("created", now, before).change == change


def test_the_mean_of_a_day_is_that_of_the_week_that_ends_with_it() -> None:
    days = [0, 0, 1, 3, 6, 6, 6, 7]
    with open_marts(coupon_sessions=[session(number) for number in days]) as connection:
        figure = query_figures(connection)["sessions by day"]
    assert figure.columns == ("day", "created", "7-day mean", "validated")
    means = [mean for _, _, mean, _ in figure.rows]
    assert means == [None] * 6 + [pytest.approx(6 / 7), pytest.approx(7 / 7)]


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_plot_is_drawn_for_the_width_of_a_screen_and_of_a_phone(size: Size) -> None:
    with open_marts(**lively()) as connection:
        drawn = {name: figure.draw(size) for name, figure in query_figures(connection).items()}
    assert len(drawn) == 6
    for name, svg in drawn.items():
        assert ElementTree.fromstring(svg).get("width") == str(size.width), name
        assert "…" not in svg, name
        assert "<script" not in svg


def test_the_report_has_every_plot_twice_and_its_numbers_as_a_table() -> None:
    with open_marts(**lively()) as connection:
        page = written(connection)
    assert page.count("<svg") == 2 * 6
    assert page.count("<summary>Numbers</summary>") == 6
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        assert "<caption>" in table
        assert 'scope="col"' in table
        assert 'scope="row"' in table
    hidden = "(an address or a number)"
    for text in ("Summer", "post", "Bakery", "Club", "▲", "100.0%", f"{hidden}, shoes", f"{hidden} / 20260101"):
        assert text in page


def test_the_report_asks_no_other_host_runs_nothing_and_names_nobody() -> None:
    with open_marts(**lively()) as connection:
        page = written(connection)
    assert "//" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert "example.org" not in page
    assert "470" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


def test_channels_that_differ_have_different_names() -> None:
    links = [
        {"utm_source": "a", "utm_medium": "b"},
        {"utm_source": "a", "utm_campaign": "b"},
        {"utm_campaign": "b"},
        {},
    ]
    with open_marts(coupon_sessions=[session(0) | link for link in links]) as connection:
        page = written(connection)
    for name in ("a / b", "a / - / b", "- / - / b", "none"):
        assert f">{name}<" in page


@pytest.mark.parametrize("dates", [[datetime(9999, 12, 31)], [datetime(2999, week, 1) for week in range(1, 13)]])
def test_sessions_that_are_dated_far_in_the_future_hide_no_week_of_the_others(dates: list[datetime]) -> None:
    sessions = lively()["coupon_sessions"]
    with open_marts(coupon_sessions=sessions) as connection:
        cohorts = re.search('<table class="cohorts">.*?</table>', written(connection), re.DOTALL)
    future: list[Row] = [{"session_id": str(date), "created_at": date} for date in dates]
    with open_marts(coupon_sessions=[*sessions, *future]) as connection:
        assert cohorts
        assert cohorts[0] in written(connection)


def test_months_that_have_not_come_hide_no_month_of_registrations_and_are_not_the_last_of_a_location() -> None:
    future = [datetime(2999, month, 1) for month in range(1, 13)]
    validated = [session(0, validated_at=LAST_DAY) | {"redeem_location_id": "7"}]
    mistakes = [session(0, validated_at=date) | {"redeem_location_id": "8"} for date in future]
    registrations: list[Row] = [
        {"directory_id": "d", "registration_id": str(number), "registered_at": date}
        for number, date in enumerate([LAST_DAY, *future])
    ]
    with open_marts(coupon_sessions=[*validated, *mistakes], directory_registrations=registrations) as connection:
        figures, page = query_figures(connection), written(connection)
    assert figures["registrations by month"].rows == [(f"{LAST_DAY:%Y-%m}", 1)]
    locations = re.search("<caption>Locations</caption>.*?</table>", page, re.DOTALL)
    assert locations
    assert re.findall('data-label="id">.*?>(\\d+)<', locations[0]) == ["7"]


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"]
)  # at any time one has another day than UTC
def test_the_report_shows_the_same_days_whatever_the_time_zone_of_the_machine(zone: str) -> None:
    today = datetime.combine(utc_today(), time())
    days = [today + timedelta(days=number) for number in range(4)]
    sessions: list[Row] = [{"created_at": day, "validated_at": day, "_extracted_at": days[-1]} for day in days]
    with open_marts(coupon_sessions=sessions) as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        figure, headline = query_figures(connection)["sessions by day"], compare_days(connection)
        page = written(connection)
        connection.execute("RESET TimeZone")
    assert [day for day, *_ in figure.rows] == [days[0].date(), days[1].date()]
    assert headline is not None
    assert headline.last == days[1].date()
    assert f"{days[2]:%Y-%m-%d}" not in page


def test_numbers_whose_sum_no_column_holds_keep_nothing_from_being_published() -> None:
    most, least = 2**63 - 1, -(2**63)
    users: list[Row] = [{"loyalty_card_id": "7", "loyalty_user_id": str(n), "stamps": most} for n in range(2)]
    change: Row = {"loyalty_card_id": "7", "loyalty_user_id": "1", "observed_at": READ_AT, "last_observed_at": READ_AT}
    tables: dict[str, list[Row]] = {
        "campaigns": [{"campaign_id": "cam_1", "custom_codes": most, "custom_codes_claimed": least}],
        "loyalty_cards": [{"loyalty_card_id": "7", "name": "Club"}],
        "loyalty_users": users,
        "loyalty_user_changes": [change | {"stamps_before": least, "stamps_after": most}],
    }
    with open_marts(**tables) as connection:
        assert "Club" in written(connection)
        for view in ("loyalty_points", "loyalty_points_by_day", "code_pool"):
            assert connection.execute(f"FROM marts.{view}").fetchall()
        assert connection.execute("SELECT stamps FROM marts.loyalty_points").fetchall() == [(None,)]


def test_a_directory_of_unknown_price_is_neither_called_free_nor_without_revenue() -> None:
    kinds: dict[str, Row] = {"1": {}, "2": {"payment_type": "basic", "payment_amount": 5, "payment_currency": "EUR"}}
    paid: list[Row] = [{"directory_id": name, "registration_id": "a", "payment_status": "paid"} for name in kinds]
    directories = [{"directory_id": name} | kind for name, kind in kinds.items()]
    with open_marts(directories=directories, directory_registrations=paid) as connection:
        page = written(connection)
        query = "SELECT directory_id, paid, revenue FROM marts.registrations_by_month ORDER BY ALL"
        assert connection.execute(query).fetchall() == [("1", 1, None), ("2", 1, Decimal(5))]
    assert ">free<" not in page
    assert re.search('>none</span></th>.*data-label="revenue">-<', page)


def test_the_report_of_an_empty_account_says_so() -> None:
    with open_marts() as connection:
        page = written(connection)
    nothing = "No sessions yet.", "No campaign has that many sessions.", "No validations yet.", "No open sessions."
    for text in (*nothing, "No loyalty users yet."):
        assert text in page
    assert "<svg" not in page
    assert "The last 30 days" not in page


def test_the_report_says_when_rows_were_seen_as_days_that_were_read_may_have_had_none() -> None:
    with open_marts(coupon_sessions=[session(0)], campaigns=[{"campaign_id": "cam_1"}]) as connection:
        page = written(connection)
    assert "When a row of each table was last seen" in page
    assert f'data-label="last seen">{READ_AT:%Y-%m-%d %H:%M}<' in page
    assert "last read" not in page


def test_new_fields_inside_of_an_object_are_named_as_those_of_a_run() -> None:
    extras = ('{"status": {"shoes": 1}, "user": []}', '{"status": {"hat": 2}, "shelf": {"books": 3}}', None)
    with open_marts(coupon_sessions=[session(0) | {"_extra": extra} for extra in extras]) as connection:
        page = written(connection)
    assert ">shelf, status.hat, status.shoes, user<" in page


def test_what_the_account_says_cannot_become_part_of_the_page() -> None:
    hostile = "\"><script>alert('x')</script>"
    rows = [session(number, validated_at=LAST_DAY) for number in range(40)]
    texts: Row = {"utm_source": hostile, "redeem_location_id": hostile, "redeem_location_city": hostile}
    with open_marts(
        campaigns=[{"campaign_id": "cam_1", "title": hostile}], coupon_sessions=[row | texts for row in rows]
    ) as connection:
        page = written(connection)
    assert hostile not in page
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_large_numbers_have_separators_and_long_names_are_in_the_title() -> None:
    name = "A campaign with a name that no phone can show " * 5
    users: list[Row] = [{"loyalty_card_id": "7", "loyalty_user_id": "1", "points": Decimal(12_345_678)}]
    with open_marts(loyalty_cards=[{"loyalty_card_id": "7", "name": name}], loyalty_users=users) as connection:
        page = written(connection)
    assert "12,345,678" in page
    assert f'title="{name}"' in page
    assert f'dir="auto">{name}<' in page


def test_campaigns_whose_validations_may_not_be_tracked_are_not_the_worst() -> None:
    sessions = [session(number) | {"campaign_id": f"cam_{number % 2 + 1}"} for number in range(80)]
    codes = [row | {"own_validation_code": "X"} if row["campaign_id"] == "cam_1" else row for row in sessions]
    names: list[Row] = [{"campaign_id": f"cam_{number}", "name": f"Campaign {number}"} for number in (1, 2)]
    with open_marts(campaigns=names, coupon_sessions=codes) as connection:
        page = written(connection)
    assert ">Campaign 2<" in page
    assert ">Campaign 1<" not in page
    assert "but for 1 with own codes and no validation at all" in page
    with open_marts(coupon_sessions=[row for row in codes if "own_validation_code" in row]) as connection:
        assert "No other campaign has that many sessions." in written(connection)


def test_campaigns_of_the_same_title_are_told_apart_by_their_names() -> None:
    sessions = [session(number) | {"campaign_id": f"cam_{number % 2 + 1}"} for number in range(80)]
    campaigns: list[Row] = [{"campaign_id": f"cam_{n}", "title": "Free ice", "name": f"Summer {n}"} for n in (1, 2)]
    with open_marts(campaigns=campaigns, coupon_sessions=sessions) as connection:
        page = written(connection)
    assert ">Summer 1<" in page
    assert ">Summer 2<" in page


def test_rows_of_equal_numbers_stand_in_one_order() -> None:
    names = [f"{number:02}" for number in range(60)]
    visit = session(0) | {"validated_at": LAST_DAY}
    tables: dict[str, list[Row]] = {
        "coupon_sessions": [visit | {"utm_source": name, "redeem_location_id": name} for name in names],
        "loyalty_users": [{"loyalty_card_id": name, "loyalty_user_id": "1"} for name in names],
        "directories": [{"directory_id": name, "payment_type": name} for name in names],
        "directory_registrations": [{"directory_id": name, "registration_id": "1"} for name in names],
    }
    pages = set()
    for step in (1, -1):
        with open_marts(**{name: rows[::step] for name, rows in tables.items()}) as connection:
            pages.add(re.sub("<svg.*?</svg>", "", written(connection), flags=re.DOTALL))
    assert len(pages) == 1


def test_a_number_that_is_wider_than_a_phone_may_be_broken_between_its_digits() -> None:
    users: list[Row] = [{"loyalty_card_id": "7", "loyalty_user_id": "1", "points": Decimal("-98765432109876.54")}]
    with open_marts(loyalty_users=users) as connection:
        assert "-98,<wbr>765,432,<wbr>109,876.54</td>" in written(connection)


def test_the_lineage_names_the_views_that_the_report_shows() -> None:
    modules = Path("assets/report").glob("*.py")
    shown = {view for module in modules for view in re.findall(r"\bmarts\.(\w+)", module.read_text("utf-8"))}
    assert shown == set(MARTS)
