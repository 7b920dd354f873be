"""The views of the schema `marts`, against numbers computed by hand on a small account."""

import json
import re
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from assets.catalogue import TABLES, read_marts
from assets.relations import relations_of_models
from assets.report.dictionary import write_dictionary
from pipelines.definitions import defs
from pipelines.demo import QUERIES
from pipelines.export import export_everything
from resources.sandbox.account.handmade import HandmadeAccount
from tests.support.accounts import campaign, loyalty_user, registration, session
from tests.support.marts import READ_AT, Row, in_marts
from tests.support.queries import in_database
from tests.support.runs import export_all, served

OLDEST_DUCKDB = Path(sys.executable).with_name("duckdb")
MONDAY, TUESDAY = "2026-01-05", "2026-01-06"


REDEEMED = {
    "validation_value": "12.50",
    "saved_to_androidpay": "1",
    "own_validation_code": "code",
    "expiration_date": "2026-02-01 02:00:00",
    "redeem_location_ID": "",
    "redeem_location_company_name": "Shop",
    "redeem_location_city": "Ghent",
    "utm_source": "post",
    "utm_medium": None,
}


def touched(number: int, created: str, **moments: str) -> dict[str, Any]:
    """A session with the moments of steps: opened, played, claimed, validated (with all that comes with it), voided."""
    names = {"opened": "open", "played": "played", "claimed": "claim", "validated": "validation", "voided": "voided"}
    status: dict[str, object] = {step: "1" for step in moments if step != "validated"}
    status |= {f"{names[step]}_date_utc": moment for step, moment in moments.items()}
    status |= REDEEMED if "validated" in moments else {}
    return session(number, created=created, status=status, user={"email": f"P{number % 2}@example.org "})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sessions = [
        touched(1, f"{MONDAY} 10:00:00"),
        touched(2, f"{MONDAY} 10:30:00", opened=f"{MONDAY} 10:31:00"),
        touched(
            3,
            f"{MONDAY} 11:00:00",
            opened=f"{MONDAY} 11:03:00",
            claimed=f"{MONDAY} 11:04:00",
            validated="2026-01-12 11:04:00",
        ),
        touched(4, f"{TUESDAY} 09:00:00", opened=f"{TUESDAY} 09:00:10", voided=f"{TUESDAY} 10:00:00"),
    ]
    made = HandmadeAccount(
        [campaign(1), campaign(2)],
        {"cam_1": sessions, "cam_2": [touched(9, f"{TUESDAY} 00:00:00")]},
        loyalty_cards=[{"id": 7, "name": "Club"}],
        loyalty_users={
            "7": [
                loyalty_user(1, points="10", email="p1@EXAMPLE.org"),
                loyalty_user(2, points="30"),
                loyalty_user(3, points="9"),
                loyalty_user(4, points="6"),
            ]
        },
        directories=[
            {"ID": "dir_1", "name": "Paid", "payment": {"currency": "EUR", "amount": "2.50", "type": "basic"}},
        ],
        registrations={
            "dir_1": [
                registration(1, "2026-01-03 12:00:00", payment_status="paid", email="p1@example.org"),
                registration(2, "2026-01-02 12:00:00", payment_status="unpaid"),
            ]
        },
    )
    data_dir = tmp_path_factory.mktemp("data")
    with served(made, data_dir):
        export_all(start="2020-01-01", end="2026-03-31")
        made.remove_session(f"s{9:020}")
        changed = [loyalty_user(1, points="15"), loyalty_user(2, points="22"), loyalty_user(4, points="6", voided="1")]
        made.set_records("loyalty_users", changed, "7")
        export_everything()
    return data_dir


def test_the_marts_hold_what_is_computed_by_hand(exported: Path) -> None:
    steps = "created, opened, played, claimed, validated, voided"
    assert in_database(exported, f"SELECT campaign_id, {steps} FROM marts.campaign_funnel") == [
        ("cam_1", 4, 3, 0, 1, 1, 1)
    ]
    rates = "opened_rate, claimed_rate, validated_rate, validated_of_claimed_rate, first_day, last_day"
    assert in_database(exported, f"SELECT {rates} FROM marts.campaign_funnel") == [
        (0.75, 0.25, 0.25, 1.0, date(2026, 1, 5), date(2026, 1, 6))
    ]
    times = "median_seconds_to_open, p90_seconds_to_open, median_seconds_to_claim, median_seconds_to_validate"
    assert in_database(exported, f"SELECT {times} FROM marts.campaign_funnel") == [
        (60.0, pytest.approx(156.0), 60.0, 7 * 86_400.0)
    ]
    by_day = f"SELECT day, {steps}, median_seconds_to_open FROM marts.campaign_funnel_by_day ORDER BY day"
    assert in_database(exported, by_day) == [
        (date(2026, 1, 5), 3, 2, 0, 1, 1, 0, 120.0),
        (date(2026, 1, 6), 1, 1, 0, 0, 0, 1, 10.0),
    ]
    cohorts = "SELECT * FROM marts.weekly_cohorts ORDER BY week, weeks_after"
    assert in_database(exported, cohorts) == [
        (date(2026, 1, 5), 0, 4, 3, 1, 0, 0, 0.0),
        (date(2026, 1, 5), 1, 4, 0, 0, 1, 1, 0.25),
    ]
    hours = "SELECT weekday, hour, created, opened, validated FROM marts.sessions_by_hour"
    assert in_database(exported, f"{hours} WHERE created + opened + claimed + validated > 0 ORDER BY ALL") == [
        (1, 10, 2, 1, 0),
        (1, 11, 1, 1, 1),
        (2, 9, 1, 1, 0),
    ]
    assert in_database(exported, "SELECT count(*) FROM marts.sessions_by_hour") == [(168,)]
    events = "SELECT event, count(*), max(happened_at) FROM marts.session_events GROUP BY ALL ORDER BY ALL"
    assert in_database(exported, events) == [
        ("claimed", 1, datetime(2026, 1, 5, 11, 4)),
        ("created", 4, datetime(2026, 1, 6, 9)),
        ("opened", 3, datetime(2026, 1, 6, 9, 0, 10)),
        ("validated", 1, datetime(2026, 1, 12, 11, 4)),
        ("voided", 1, datetime(2026, 1, 6, 10)),
    ]


def test_what_a_session_says_of_its_channel_location_and_expiry_is_counted(exported: Path) -> None:
    channels = "SELECT utm_source, utm_medium, created, validated, saved_to_wallet, money_spent FROM marts.channels"
    assert in_database(exported, f"{channels} ORDER BY ALL") == [
        ("post", None, 1, 1, 1, Decimal("12.5")),
        (None, None, 3, 0, 0, None),
    ]
    locations = "SELECT location_id, company, city, month, validations, people, money_spent FROM marts.locations"
    assert in_database(exported, locations) == [(None, "Shop", "Ghent", date(2026, 1, 1), 1, 1, Decimal("12.5"))]
    expired = "SELECT month, expired, validated, unused, validation_may_not_be_tracked FROM marts.session_breakage"
    assert in_database(exported, expired) == [(date(2026, 2, 1), 1, 1, 0, False)]
    assert in_database(exported, "SELECT days_left, open_sessions FROM marts.session_expiry") == [("none", 2)]
    codes = "SELECT campaign_id, codes, sessions_with_code, validated_with_code FROM marts.code_pool"
    assert in_database(exported, codes) == [("cam_1", 1, 1, 1)]
    interactions = (
        "SELECT month, opened_sessions, loyalty_users FROM marts.interactions_by_month WHERE opened_sessions > 0"
    )
    assert in_database(exported, interactions) == [(date(2026, 1, 1), 3, 0)]
    assert in_database(exported, "FROM marts.abuse_candidates") == []


def test_loyalty_directories_and_customers_are_counted_as_by_hand(exported: Path) -> None:
    points = "card_name, users, users_with_points, points, points_not_void, median_points, most_points"
    assert in_database(exported, f"SELECT {points} FROM marts.loyalty_points") == [("Club", 3, 3, 43, 37, 15.0, 22)]
    changes = "users_changed, points_added, points_taken, points_since_first_change"
    assert in_database(exported, f"SELECT {changes} FROM marts.loyalty_points_by_day") == [(3, 5, 8, -3)]
    forward = "opening_points, net_earned_points, net_spent_points, voided_points, deleted_points, closing_points"
    assert in_database(exported, f"SELECT {forward} FROM marts.loyalty_points_by_day") == [(55, 5, 8, 6, 9, 37)]
    registered = "directory_name, month, payment_type, currency, registrations, paid, paid_rate, revenue"
    assert in_database(exported, f"SELECT {registered} FROM marts.registrations_by_month") == [
        ("Paid", date(2026, 1, 1), "basic", "EUR", 2, 1, 0.5, Decimal("2.5"))
    ]
    customers = "SELECT customer, sessions, validated, loyalty_cards, points, directory_registrations"
    assert in_database(exported, f"{customers} FROM marts.customers WHERE customer LIKE 'p_@%' ORDER BY 1") == [
        ("p0@example.org", 2, 0, 0, Decimal(0), 0),
        ("p1@example.org", 2, 1, 0, Decimal(0), 1),
    ]


def test_the_views_work_where_the_database_is_attached_and_say_what_they_are(exported: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{exported / 'coupontools.duckdb'}' AS coupons (READ_ONLY)")
        views = connection.execute(
            "SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'marts'"
        ).fetchall()
        assert len(views) == sum("CREATE VIEW" in script for script in read_marts())
        assert all(comment for _, comment in views)
        for name, _ in views:
            connection.execute(f"FROM coupons.marts.{name}").fetchall()
        query = "SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'marts' AND comment IS NULL"
        assert connection.execute(query).fetchall() == [(0,)]


def test_every_view_calls_a_session_void_as_its_flag_says_and_by_its_date_only_without_one() -> None:
    dated: Row = {"voided_at": READ_AT, "validated_at": READ_AT, "redeem_location_id": "1"}
    states: list[Row] = [{"is_voided": True}, {"is_voided": False} | dated, dated, {}, {"is_voided": False}]
    expiry = READ_AT - timedelta(days=2)
    sessions = [*states, *({"expires_at_local": expiry} | state for state in states)]
    for view in ("campaign_funnel", "campaign_funnel_by_day", "channels"):
        assert in_marts(f"SELECT sum(voided) FROM marts.{view}", coupon_sessions=sessions) == [(4,)]
    query = "SELECT validations, voided FROM marts.locations"
    assert in_marts(query, coupon_sessions=sessions) == [(4, 2)]
    query = "SELECT validated, voided, unused FROM marts.session_breakage"
    assert in_marts(query, coupon_sessions=sessions) == [(2, 2, 2)]
    assert in_marts("SELECT open_sessions FROM marts.session_expiry", coupon_sessions=sessions) == [(2,)]


def queries_of_the_readme() -> list[str]:
    text = Path("README.md").read_text("utf-8")
    script, *_of_a_lake = re.findall(r"```sql\n(.*?);?\n```", text, re.DOTALL)
    on_the_command_line = re.findall(r'duckdb -readonly \S+ "(.*?)"|\.sql\(\'(.*?)\'\)', text)
    return [*script.split(";"), *(first or second for first, second in on_the_command_line)]


def exact(answer: str) -> str:
    """A row without what SUMMARIZE only estimates."""
    return re.sub(r'"(approx_unique|q25|q50|q75)":("[^"]*"|\d+)', "", answer)


def test_the_oldest_duckdb_that_is_promised_reads_the_same_of_every_table_view_and_query(exported: Path) -> None:
    database = exported / "coupontools.duckdb"
    views = [f"marts.{name}" for script in read_marts() for name in re.findall(r"CREATE VIEW marts\.(\w+)", script)]
    queries = [
        *(f"FROM {name}" for name in (*(table.TABLE for table in TABLES), *views)),
        "SELECT marts.identity(' +32 (0)470 11.22.33') AS customer",
        *queries_of_the_readme(),
        *QUERIES,
    ]
    assert len(queries) == len(TABLES) + 16 + 1 + 6 + len(QUERIES)
    numbered = [
        f"SELECT {number} AS query, to_json(rows)::VARCHAR AS answer FROM ({query}\n) AS rows ORDER BY ALL"
        for number, query in enumerate(queries)
    ]
    run = subprocess.run(
        [OLDEST_DUCKDB, "-no-init", "-readonly", "-bail", "-jsonlines", database],
        input="SELECT version() AS version;" + ";".join(numbered) + ";",
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    version, *lines = (json.loads(line) for line in run.stdout.splitlines() if line)
    assert version == {"version": "v1.5.5"}
    expected = [row for query in numbered for row in in_database(exported, query)]
    assert [(line["query"], exact(line["answer"])) for line in lines] == [(n, exact(answer)) for n, answer in expected]
    assert len(expected) > len(queries)


def test_a_query_of_the_demo_counts_0_where_nobody_has_to_pay() -> None:
    query = next(query for query in QUERIES if "directory_registrations" in query)
    directories: list[Row] = [{"directory_id": "dir_1", "name": "Free"}]
    registrations: list[Row] = [{"directory_id": "dir_1", "registration_id": "reg_1"}]
    answer = in_marts(query, directories=directories, directory_registrations=registrations)
    assert answer == [("Free", None, 1, 0)]


def test_the_dictionary_stands_beside_the_database(exported: Path) -> None:
    described = (exported / "dictionary.md").read_text("utf-8")
    assert described == write_dictionary(relations_of_models())
    assert "## coupon_sessions" in described
    assert "| `session_id` | VARCHAR | Session id, case-sensitive" in described
    assert "## marts.campaign_funnel" in described


def test_the_plots_of_the_report_stand_on_dagsters_page_too(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(exported))
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("publish").execute_in_process(instance=instance)
    (event,) = [
        e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey("published_database")
    ]
    metadata = event.step_materialization_data.materialization.metadata
    pictures = {name for name, value in metadata.items() if "](data:image/svg+xml;base64," in str(value.value)}
    of_sessions = {"funnel", "sessions by day", "time to validate", "hours of the week", "expiry outlook"}
    assert pictures == of_sessions | {"registrations by month"}
    assert metadata["database"].value == str(exported / "coupontools.duckdb")
