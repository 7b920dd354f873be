"""Every readable part of an account: what is documented, what is not, and what does not fit."""

import json
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import dagster as dg
import msgspec
import pytest

from assets.campaigns import campaigns
from assets.directories import directories, directory_campaigns, directory_registrations
from assets.loyalty import loyalty_cards, loyalty_users
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
from tests.support.fixed_server import replying
from tests.support.queries import Rows, all_tables, in_database
from tests.support.runs import export_all, export_only, export_sessions, served, writing_paths

WHOLE = (date(2020, 1, 1), date(2026, 11, 1))
PERIOD = {"start": str(WHOLE[0]), "end": str(WHOLE[1])}


@cache
def whole_tables() -> dict[str, Rows]:
    """The tables of the whole account, read as the defaults have it."""
    usual = {"COUPONTOOLS_API_VERSIONS": "", "COUPONTOOLS_AUTHENTICATION": "headers"}
    with TemporaryDirectory() as folder, served(whole_account(), Path(folder), **usual):
        export_all(**PERIOD)
        return all_tables(Path(folder))


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
    known = {(each.method, each.path.partition("{")[0], each.path.count("/")): each.writes for each in ENDPOINTS}
    for endpoint in READABLE:
        assert known[endpoint.method, endpoint.path.partition("{")[0], endpoint.path.count("/")] is False
    assert any(each.writes for each in ENDPOINTS)


@pytest.mark.parametrize(
    ("environment", "assumed"),
    [
        ({"COUPONTOOLS_API_VERSIONS": "v3"}, {"session_page_size": 100, "registration_page_size": 7}),
        ({"COUPONTOOLS_API_VERSIONS": "v4"}, {"v4_loyalty_page_size": 50, "v4_registration_page_size": 30}),
        ({"COUPONTOOLS_API_VERSIONS": "v4"}, {"created_at_format": "iso_offset", "single_as": "array"}),
        (
            {"COUPONTOOLS_AUTHENTICATION": "body"},
            {"authentication": ("body", "api_key_headers"), "subaccount_envelope": "bare", "empty_data": "absent"},
        ),
        (
            {},
            {
                "authentication": ("headers",),
                "free_payment": "empty_object",
                "error_http_status": "always_200",
                "past_end": "error",
                "gzip": True,
            },
        ),
    ],
)
def test_the_tables_are_equal_however_the_account_is_read(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], assumed: dict[str, Any]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    serve(whole_account(), **assumed)
    export_all(**PERIOD)
    assert all_tables(data_dir) == whole_tables()


def test_ids_that_differ_between_the_versions_are_asked_for_in_their_own(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(whole_account(), v4_directory_ids="integer")
    for versions, ids in (("v4", "1"), ("directory_registrations=v4", "dir_1")):
        monkeypatch.setenv("COUPONTOOLS_API_VERSIONS", versions)
        monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(data_dir / versions))
        told = export_only(directories, directory_campaigns, directory_registrations, **PERIOD)
        read = {table: metadata["records read"] for table, metadata in told.items()}
        assert read == {table: WHOLE_COUNTS[table] for table in told}
        found = in_database(
            data_dir / versions, "SELECT directory_id, payment_amount FROM directories ORDER BY 1 LIMIT 1"
        )
        assert found == [(ids, Decimal("1.5"))]


def test_the_generated_account_arrives_whole(serve: Serve, data_dir: Path) -> None:
    now = datetime(2026, 11, 2, 12)
    generated = GeneratedAccount(seed=5, sessions=500, campaigns=5)
    serve(generated, clock=Clock.frozen(now))
    export_all(**PERIOD)
    tables = all_tables(data_dir)
    found = {table: len(rows) for table, rows in tables.items()}
    assert found["quarantine"] == 0
    assert {table for table in found if not found[table]} == {
        "quarantine",
        "coupon_session_changes",
        "loyalty_user_changes",
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


SHAPES = [b"5", b'{"status":{"status":"OK"},"hush":{"hush_hush":"secret value"}}', b'{"status":{"status":"OK"},"a":7}']


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
    found = counts(data_dir)
    # a campaign that has no description is as it is listed, but without a list there are no sessions either
    missing = {"quarantine", *tables_of.values()} - ({"campaigns"} if "v3/coupon/info" in tables_of else set())
    missing |= {"coupon_sessions"} if "campaigns" in missing else set()
    for other in WHOLE_COUNTS.keys() - missing:
        assert found[other] == WHOLE_COUNTS[other], other
    assert found["loyalty_users"] == (1 if "loyalty_users" in missing else 131), "the other card is read"
    server.faults.clear()
    export_all(**PERIOD)
    assert counts(data_dir) == WHOLE_COUNTS, "what could not be read leaves quarantine when it can"


def test_what_the_account_does_not_have_is_no_failure(serve: Serve, data_dir: Path) -> None:
    made = whole_account()
    made.standing = Standing(is_subaccount=True, has_sms=False, has_email=False)
    server = serve(made)
    server.faults.add(Fault("404", path="v3/directory/campaigns", times=None))
    export_all(**PERIOD)
    absent = {"subaccounts", "sms_groups", "sms_contacts", "email_groups", "directory_campaigns"}
    assert counts(data_dir) == WHOLE_COUNTS | dict.fromkeys(absent, 0)


def test_bad_records_of_every_table_go_to_quarantine_and_the_others_arrive(serve: Serve, data_dir: Path) -> None:
    made = whole_account()
    long = "x" * 10_000_000
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
    told = export_all(**PERIOD)
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
    assert sum(int(str(metadata.get("records rejected", 0))) for metadata in told.values()) == len(kept)
    texts = [row[0] for row in in_database(data_dir, "SELECT record FROM quarantine")]
    assert any(long in text for text in texts)
    assert any('"\\ud800"' in text for text in texts)
    users = in_database(data_dir, "FROM loyalty_users SELECT loyalty_user_id, points WHERE loyalty_card_id = '123457'")
    assert users == [("1", Decimal(120))]
    found = counts(data_dir)
    for table in ("campaigns", "categories", "coupon_sessions", "loyalty_cards", "directories", "subaccounts"):
        assert found[table] == WHOLE_COUNTS[table], table
    assert found["directory_registrations"] == WHOLE_COUNTS["directory_registrations"] - 1


def test_both_answers_about_a_campaign_become_one_row(serve: Serve, data_dir: Path) -> None:
    made = HandmadeAccount([campaign(1, subtitle="s"), campaign(2)])
    server = serve(made)
    server.faults.add(
        Fault("failed", path="v3/coupon/info", when=lambda asked: asked.get("campaign") == "cam_2", error_code=502)
    )
    export_only(campaigns)
    rows = in_database(
        data_dir, "SELECT campaign_id, title, custom_codes, custom_codes_claimed, _extra FROM campaigns ORDER BY ALL"
    )
    assert rows == [("cam_1", "Title 1", 0, 0, '{"subtitle":"s"}'), ("cam_2", "Title 2", None, None, None)]


@pytest.mark.parametrize("fault", [{"kind": "failed", "error_code": 507}, {"kind": "wrong_shape"}])
def test_a_description_that_fails_takes_nothing_away_from_what_is_known(
    serve: Serve, data_dir: Path, fault: dict[str, Any]
) -> None:
    made = whole_account()
    server = serve(made)
    export_only(directories)
    before = all_tables(data_dir)["directories"]
    made.put_record("directories", {"ID": "dir_7", "name": "New", "payment": {"amount": "1.00"}})
    server.faults.add(Fault(**fault, path="v3/directory/info", times=None))
    with suppress(dg.Failure):
        export_only(directories)
    export_only()
    rows = all_tables(data_dir)["directories"]
    assert [row for row in rows if row[0] != "dir_7"] == before
    assert [row[:4] for row in rows if row[0] == "dir_7"] == [("dir_7", None, "New", None)]


def test_a_campaign_without_a_description_is_kept_as_it_is_listed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "or-other")
    ok = '{"status":{"status":"OK"},"amount_of_results":"0","data":[]}'
    bodies = {"v3/coupon/list": '{"status":{"status":"OK"},"coupon_info":[{"ID":"cam_1","name":"N"}]}'}
    with replying(bodies, ok) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        export_only(campaigns)
    assert in_database(data_dir, "SELECT campaign_id, name, _extra FROM campaigns") == [("cam_1", "N", None)]


@pytest.mark.parametrize(
    ("listed", "info", "title", "extra"),
    [
        ({}, {"title": "T"}, "T", None),
        ({"title": "old"}, {"title": "T"}, "T", {"list.title": "old"}),
        ({"title": "T"}, {"title": ""}, "T", None),
        ({"title": "T"}, {"title": {"en": "E"}}, "T", {"info.title": {"en": "E"}}),
        ({"title": "T"}, {"title": "T", "more": [1]}, "T", {"more": [1]}),
        ({"title": "T"}, {"id": "cam_1"}, "T", None),
        ({"title": "T"}, {"id": 77}, "T", {"info.id": 77}),
    ],
)
def test_no_value_of_either_answer_is_lost(
    listed: dict[str, object], info: dict[str, object], title: str, extra: dict[str, object] | None
) -> None:
    from assets.ingest.descriptions import merge_records
    from assets.tables.campaigns import Campaign
    from tests.assets.normalise.test_normalise import read

    record, description = (msgspec.json.encode({**each}) for each in ({"ID": "cam_1", **listed}, info))
    both = merge_records(record, description, "cam_1", {"ID", "id"})
    row = read(b"[" + both + b"]", Campaign).rows.row(0, named=True)
    assert (row["campaign_id"], row["title"]) == ("cam_1", title)
    assert (json.loads(row["_extra"]) if row["_extra"] else None) == extra


@pytest.mark.parametrize("depth", [200, 1_000, 100_000])
def test_a_description_that_cannot_be_read_leaves_all_of_both_answers_in_quarantine(depth: int) -> None:
    from assets.ingest.descriptions import merge_records
    from assets.tables.campaigns import Campaign
    from tests.assets.normalise.test_normalise import read

    listed, info = b'{"ID":"cam_1","title":"T"}', b'{"ID":"cam_1","deep":' + b"[" * depth + b"]" * depth + b"}"
    rejected = read(b"[" + merge_records(listed, info, "cam_1", {"ID", "id"}) + b"]", Campaign).rejected
    assert rejected["reason"].to_list() == ["the record holds more than 100 objects or lists inside each other"]
    assert info.decode() in rejected["record"][0]
    assert '"title":"T"' in rejected["record"][0]


def test_names_that_stand_twice_in_either_answer_lose_no_value() -> None:
    from assets.ingest.descriptions import merge_records
    from assets.tables.campaigns import Campaign
    from tests.assets.normalise.test_normalise import read

    listed, info = b'{"ID":"cam_1","title":"a","title":"b"}', b'{"title":"c","title":"d","x":{"y":1,"y":2}}'
    row = read(b"[" + merge_records(listed, info, "cam_1", {"ID", "id"}) + b"]", Campaign).rows.row(0, named=True)
    assert row["title"] == "d"
    assert json.loads(row["_extra"]) == {
        "list.title": "b",
        "list.repeated.title": ["a"],
        "repeated.title": ["c"],
        "x": {"y": 2, "repeated.y": [1]},
    }


def test_registrations_are_those_of_the_days_asked_for_and_no_page_too_many_is_read(
    serve: Serve, data_dir: Path
) -> None:
    made = whole_account()
    made.set_records(
        "registrations",
        [registration(n, f"2026-{1 + n // 28 % 12:02}-{1 + n % 28:02} 23:59:59") for n in range(330)]
        + [registration(1001, "2026-03-01 00:00:00"), registration(1002, "")],
        "dir_1",
    )
    server = serve(made, registration_page_size=20)
    export_only(directories, directory_registrations, start="2026-10-01", end="2026-10-05")
    days = in_database(
        data_dir, "SELECT registered_at::DATE FROM directory_registrations WHERE directory_id = 'dir_1' ORDER BY 1"
    )
    assert [row[0] for row in days] == [*(date(2026, 10, day) for day in range(1, 6)), None]
    pages = [
        entry.parameters["page"]
        for entry in server.requests
        if entry.path == "v3/directoryusers/list" and entry.parameters["directory"] == "dir_1"
    ]
    assert max(int(str(page)) for page in pages) <= 6
    assert not any("start_date" in entry.parameters for entry in server.requests if "directory" in entry.path)
    export_only(directories, directory_registrations, start="2026-03-01", end="2026-03-01")
    assert in_database(data_dir, "SELECT count(*) FROM directory_registrations WHERE registered_at < '2026-04-01'") == [
        (2,)
    ]


def test_loyalty_cards_become_partitions_and_one_can_be_read_alone(serve: Serve, data_dir: Path) -> None:
    server = serve(whole_account())
    with dg.instance_for_test() as instance:
        known = ["123456", "123457"]
        instance.add_dynamic_partitions("loyalty_cards", known)
        job = defs.resolve_job_def("export_loyalty_users")
        assert job.execute_in_process(instance=instance, partition_key="123457").success
        assert in_database(data_dir, "SELECT DISTINCT loyalty_card_id FROM loyalty_users") == [("123457",)]
        assert "v4/loyalty/loyalty-cards/123456/stats" not in paths_asked(server)
        schedule = defs.get_repository_def().get_schedule_def("daily_export_of_loyalty_users")
        with dg.build_schedule_context(instance, repository_def=defs.get_repository_def()) as context:
            (request,) = schedule.evaluate_tick(context).run_requests or []
        result = job.execute_in_process(instance=instance, tags=request.tags)
        counts = {
            event.partition: event.step_materialization_data.materialization.metadata[
                "dagster/partition_row_count"
            ].value
            for event in result.get_asset_materialization_events()
            if event.asset_key == dg.AssetKey("loyalty_users")
        }
        assert counts == {"123456": 130, "123457": 1}
    assert len(in_database(data_dir, "FROM loyalty_users")) == 131


def test_a_card_that_vanishes_is_skipped_but_an_endpoint_that_is_not_there_is_an_error(
    serve: Serve, data_dir: Path
) -> None:
    server = serve(whole_account())
    server.faults.add(Fault("404", path="v4/loyalty/loyalty-cards/123456/stats", times=None))
    export_only(loyalty_cards, loyalty_users)
    assert in_database(data_dir, "SELECT count(*) FROM loyalty_users") == [(1,)]
    server.faults.add(Fault("404", path="v4/loyalty/loyalty-cards/123457/stats", times=None))
    with pytest.raises(dg.Failure, match=r"lists 12345[67] among the loyalty_cards, but answers HTTP 404"):
        export_only(loyalty_cards, loyalty_users)


def test_a_list_that_is_shorter_than_announced_is_an_error_and_what_came_is_kept(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = '{"data":[{"id":1,"points":5},{"id":2,"points":6}],"pagination":{"page":1,"total":%d}}'
    cards = "v4/loyalty/loyalty-cards"
    bodies = {cards: '[{"id":7},{"id":8}]', f"{cards}/7/stats": users % 3, f"{cards}/8/stats": users % 2}
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "or-other")
    with replying(bodies, '{"status":{"status":"OK"},"none":[]}') as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        with pytest.raises(dg.Failure, match=r"announces 3 records for .* loyalty card 7, but gives 2") as error:
            export_only(loyalty_cards, loyalty_users)
        export_only()
    assert "loyalty card 8" not in str(error.value.description)
    assert in_database(data_dir, "SELECT loyalty_card_id, count(*) FROM loyalty_users GROUP BY ALL ORDER BY ALL") == [
        ("7", 2),
        ("8", 2),
    ]


def test_new_fields_are_named_once_a_run(serve: Serve, capfd: pytest.CaptureFixture[str], data_dir: Path) -> None:
    made = HandmadeAccount(
        [campaign(n) for n in (1, 2)],
        {f"cam_{n}": [session(n * 10 + each, brand_new=each) for each in range(3)] for n in (1, 2)},
    )
    serve(made)
    export_sessions(*WHOLE)
    (told,) = [line for line in capfd.readouterr().err.splitlines() if "brand_new" in line]
    assert told.endswith("coupon_sessions: fields without a column are kept in _extra: brand_new")
    assert len(in_database(data_dir, "FROM coupon_sessions WHERE _extra LIKE '{\"brand_new\":%'")) == 6
