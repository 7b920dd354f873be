"""Every readable part of an account: what is documented, what is not, and what does not fit."""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import click
import dagster as dg
import pytest

from assets.table_assets import ASSETS
from pipelines.definitions import defs
from pipelines.export import export_days
from resources.coupontools.endpoints import READABLE
from resources.sandbox.account.account import Standing
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.endpoints.routes import ENDPOINTS
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from tests.conftest import Serve
from tests.support.accounts import WHOLE_COUNTS, campaign, loyalty_user, registration, session, whole_account
from tests.support.queries import all_tables, in_database
from tests.support.runs import export_all, export_only, export_sessions, publish_only, writing_paths
from tests.support.table_assets import loyalty_users

WHOLE = (date(2020, 1, 1), date(2026, 11, 1))
PERIOD = {"start": str(WHOLE[0]), "end": str(WHOLE[1])}


def counts(data_dir: Path) -> dict[str, int]:
    return {table: len(rows) for table, rows in all_tables(data_dir).items()}


def paths_asked(server: SandboxServer) -> set[str]:
    return {entry.path for entry in server.requests}


def test_every_part_arrives_with_its_values(serve: Serve, data_dir: Path) -> None:
    server = serve(whole_account())
    exported = export_days(*WHOLE)
    assert exported.rows == WHOLE_COUNTS
    assert counts(data_dir) == WHOLE_COUNTS
    assert in_database(
        data_dir,
        "SELECT directory_id, payment_currency, payment_amount, payment_type, payment_description FROM directories "
        "ORDER BY directory_id",
    ) == [
        ("dir_1", "EUR", Decimal("1.5"), "basic", "Access basic"),
        ("dir_2", "EUR", Decimal("2.5"), "recurring_daily", "Access recurring_daily"),
        ("dir_3", "EUR", Decimal("3.5"), "recurring_weekly", "Access recurring_weekly"),
        ("dir_4", "EUR", Decimal("4.5"), "recurring_monthly", "Access recurring_monthly"),
        ("dir_5", "EUR", Decimal("5.5"), "recurring_yearly", "Access recurring_yearly"),
        ("dir_6", None, None, None, None),
    ]
    assert in_database(
        data_dir, "SELECT loyalty_card_id, count(*), count_if(is_voided), sum(points)::INTEGER FROM loyalty_users "
        "GROUP BY ALL ORDER BY ALL"
    ) == [("123456", 130, 26, sum(range(131))), ("123457", 1, 0, 120)]  # fmt: skip
    assert in_database(
        data_dir,
        "SELECT registered_at, payment_status, is_blocked, access_expires_at, birthday FROM directory_registrations "
        "WHERE directory_id = 'dir_6'",
    ) == [(datetime(2026, 1, 1), None, True, datetime(2027, 1, 1), None)]
    assert in_database(data_dir, "SELECT category_id, level, name FROM categories ORDER BY ALL") == [
        ("cat_11", "category", "Food"),
        ("cat_11", "main", "All food"),
        ("cat_12", "category", "Été"),
    ]
    assert in_database(data_dir, "SELECT expires_on, country FROM subaccounts") == [(date(2027, 1, 31), "BE")]
    assert {path.name for path in (data_dir / "parquet" / "loyalty_users").iterdir()} == {"card=123456", "card=123457"}
    assert not writing_paths(server)


def test_no_endpoint_that_the_export_may_call_is_one_that_writes() -> None:
    known = {
        (endpoint.method, endpoint.path.partition("{")[0], endpoint.path.count("/")): endpoint.writes
        for endpoint in ENDPOINTS
    }
    for endpoint in READABLE:
        assert known[endpoint.method, endpoint.path.partition("{")[0], endpoint.path.count("/")] is False
    assert any(endpoint.writes for endpoint in ENDPOINTS)


def test_the_generated_account_arrives_whole(serve: Serve, data_dir: Path) -> None:
    now = datetime(2026, 11, 2, 12)
    generated = GeneratedAccount(seed=5, sessions=500, campaigns=5)
    serve(generated, clock=Clock.frozen(now))
    export_all(**PERIOD)
    tables = all_tables(data_dir)
    sizes = {table: len(rows) for table, rows in tables.items()}
    assert sizes["quarantine"] == 0
    assert {table for table in sizes if not sizes[table]} == {
        "quarantine",
        "coupon_session_changes",
        "loyalty_user_changes",
        "webhook_events",
    }
    assert in_database(data_dir, "SELECT count(*) FROM loyalty_users ANTI JOIN loyalty_cards USING (loyalty_card_id)")
    for child, parent, key in (
        ("loyalty_users", "loyalty_cards", "loyalty_card_id"),
        ("directory_registrations", "directories", "directory_id"),
        ("directory_campaigns", "campaigns", "campaign_id"),
        ("sms_contacts", "sms_groups", "sms_group_id"),
    ):
        assert in_database(data_dir, f"SELECT count(*) FROM {child} ANTI JOIN {parent} USING ({key})") == [(0,)]
    assert not [table for table, rows in tables.items() for row in rows if table == "x" or row[-2]]


@pytest.mark.parametrize(
    "tables_of",
    [
        {"v3/coupon/list": "campaigns"},
        {
            "v3/coupon/info": "campaigns",
            "v3/campaign/data": "coupon_sessions",
            "v4/loyalty/loyalty-cards/123456/stats": "loyalty_users",
            "v3/directoryusers/list": "directory_registrations",
            "v4/subaccount/list": "subaccounts",
            "v3/emailtool/grouplist": "email_groups",
        },
    ],
    ids=["a list of parents", "all kinds of others"],
)
def test_an_answer_of_unknown_shape_is_shown_kept_and_stops_nothing_else(
    serve: Serve, data_dir: Path, tables_of: dict[str, str]
) -> None:
    server = serve(whole_account())
    server.faults.add(*(Fault("wrong_shape", path=path, times=None) for path in tables_of))
    with pytest.raises(click.ClickException) as error:
        export_days(*WHOLE)
    lines = error.value.message.splitlines()
    kept = in_database(data_dir, "SELECT DISTINCT table_name, page, record FROM quarantine")
    for path, table in tables_of.items():
        line = next(line for line in lines if f" {path.split('/123456')[0]}" in line)
        assert "in a shape that is not known: [3 x text]" in line
        assert (table, 1) in [row[:2] for row in kept]
    assert all(len(json.loads(row[2])) == 3 for row in kept)
    sizes = counts(data_dir)
    # a campaign that has no description is as it is listed, but without a list there are no sessions either
    not_read = {"quarantine", *tables_of.values()} - ({"campaigns"} if "v3/coupon/info" in tables_of else set())
    not_read |= {"coupon_sessions"} if "campaigns" in not_read else set()
    for other in WHOLE_COUNTS.keys() - not_read:
        assert sizes[other] == WHOLE_COUNTS[other], other
    assert sizes["loyalty_users"] == (1 if "loyalty_users" in not_read else 131), "the other card is read"
    server.faults.clear()
    again = {"coupon_sessions", *tables_of.values()}
    export_only(*(asset for table, asset in ASSETS.items() if table.TABLE in again), **PERIOD)
    assert counts(data_dir) == WHOLE_COUNTS, "what could not be read leaves quarantine when it can"


def test_what_the_account_does_not_have_is_no_failure(serve: Serve, data_dir: Path) -> None:
    made = whole_account()
    made.standing = Standing(is_subaccount=True, has_sms=False, has_email=False)
    server = serve(made)
    server.faults.add(Fault("404", path="v3/directory/campaigns", times=None))
    export_all(**PERIOD)
    empty = {"subaccounts", "sms_groups", "sms_contacts", "email_groups", "directory_campaigns"}
    assert counts(data_dir) == WHOLE_COUNTS | dict.fromkeys(empty, 0)


def test_bad_records_of_every_table_go_to_quarantine_and_the_others_arrive(serve: Serve, data_dir: Path) -> None:
    made = whole_account()
    long = "x" * 2_000_000
    made.put_campaign({"ID": "", "name": "no key"})
    made.add_sessions("cam_1", session(5), session(5, status={"claimed": "maybe"}, session_id="bad"))
    made.put_record("loyalty_cards", {"ID": "7", "name": {"nested": "object"}})
    made.set_records(
        "loyalty_users",
        [
            loyalty_user(1),
            loyalty_user(2, points="many"),
            loyalty_user(3, birthday="28/02/1990"),
            b'{"ID":"4","first_name":"\\ud800"}',
            loyalty_user(5, city=long),
            loyalty_user(1, points="7"),
        ],
        "123457",
    )
    made.put_record("directories", {"ID": "dir_9", "payment": {"amount": "1.00001"}})
    made.put_record("registrations", registration(7, "yesterday"), "dir_1")
    made.put_record("categories", {"name": "no key"})
    made.put_record("subaccounts", {"ID": "sub_9", "expiry_date": "2027-02-30"})
    made.put_record("sms_contacts", {"first_name": "no phone"}, "gro_1")
    serve(made)
    reports = export_all(**PERIOD)
    kept = in_database(data_dir, "SELECT table_name, endpoint, parent_id, page, reason FROM quarantine ORDER BY ALL")
    assert [(table, endpoint, parent, page) for table, endpoint, parent, page, _ in kept] == [
        ("campaigns", "v3/coupon/list", None, 1),
        ("categories", "v3/category/list", None, 1),
        ("coupon_sessions", "v3/campaign/data", "cam_1", 1),
        ("coupon_sessions", "v3/campaign/data", "cam_1", 1),
        ("directories", "v3/directory/list", None, 1),
        ("directory_registrations", "v3/directoryusers/list", "dir_1", 1),
        ("loyalty_cards", "v4/loyalty/loyalty-cards", None, 1),
        *[("loyalty_users", "v4/loyalty/loyalty-cards/{parent}/stats", "123457", 1)] * 5,
        ("sms_contacts", "v3/smstool/userlist", "gro_1", 1),
        ("subaccounts", "v4/subaccount/list", None, 1),
    ]
    assert all(reason for *_, reason in kept)
    assert sum(int(str(metadata.get("records rejected", 0))) for metadata in reports.values()) == len(kept)
    texts = [row[0] for row in in_database(data_dir, "SELECT record FROM quarantine")]
    assert any(long in text for text in texts)
    assert any('"\\ud800"' in text for text in texts)
    users = in_database(data_dir, "FROM loyalty_users SELECT loyalty_user_id, points WHERE loyalty_card_id = '123457'")
    assert users == [("1", Decimal(120))]
    sizes = counts(data_dir)
    for table in ("campaigns", "categories", "coupon_sessions", "loyalty_cards", "directories", "subaccounts"):
        assert sizes[table] == WHOLE_COUNTS[table], table
    assert sizes["directory_registrations"] == WHOLE_COUNTS["directory_registrations"] - 1


def test_loyalty_cards_become_partitions_and_one_can_be_read_alone(serve: Serve, data_dir: Path) -> None:
    server = serve(whole_account())
    with dg.instance_for_test() as instance:
        known = ["123456", "123457"]
        instance.add_dynamic_partitions("loyalty_cards", known)
        job = defs.resolve_job_def("export_loyalty_users")
        selected = [*loyalty_users.keys]
        assert job.execute_in_process(instance=instance, partition_key="123457", asset_selection=selected).success
        publish_only(loyalty_users)
        assert in_database(data_dir, "SELECT DISTINCT loyalty_card_id FROM loyalty_users") == [("123457",)]
        assert "v4/loyalty/loyalty-cards/123456/stats" not in paths_asked(server)
        schedule = defs.get_repository_def().get_schedule_def("daily_export_of_loyalty_users")
        with dg.build_schedule_context(instance, repository_def=defs.get_repository_def()) as context:
            (request,) = schedule.evaluate_tick(context).run_requests or []
        result = job.execute_in_process(instance=instance, tags=request.tags, asset_selection=selected)
        counts = {
            event.partition: event.step_materialization_data.materialization.metadata[
                "dagster/partition_row_count"
            ].value
            for event in result.get_asset_materialization_events()
            if event.asset_key == dg.AssetKey("loyalty_users")
        }
        assert counts == {"123456": 130, "123457": 1}
    publish_only(loyalty_users)
    assert len(in_database(data_dir, "FROM loyalty_users")) == 131


def test_new_fields_are_named_once_a_run(serve: Serve, caplog: pytest.LogCaptureFixture, data_dir: Path) -> None:
    made = HandmadeAccount(
        [campaign(n) for n in (1, 2)],
        {f"cam_{n}": [session(n * 10 + number, brand_new=number) for number in range(3)] for n in (1, 2)},
    )
    serve(made)
    export_sessions(*WHOLE)
    (warning,) = [line for line in caplog.text.splitlines() if "brand_new" in line]
    assert warning.endswith("coupon_sessions: fields without a column are kept in _extra: brand_new")
    assert len(in_database(data_dir, "FROM coupon_sessions WHERE _extra LIKE '{\"brand_new\":%'")) == 6
