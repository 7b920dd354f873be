"""The code location as Dagster sees it."""

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from assets.catalogue import EXTRACTS
from assets.partitions import backfill_policy, cards, daily, partition_range
from assets.published_database import published_database
from assets.table_assets import table_asset
from assets.tables.coupon_sessions import CouponSession
from pipelines.definitions import build_defs, defs
from resources.warehouse.resource import WarehouseResource
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.runs import export_sessions, publish_only
from tests.support.table_assets import campaigns, coupon_sessions

GROUPS = {
    "campaigns": ("campaigns", "categories", "coupon_sessions", "coupon_session_changes"),
    "loyalty": ("loyalty_cards", "loyalty_users", "loyalty_user_changes"),
    "directories": ("directories", "directory_campaigns", "directory_registrations"),
    "accounts": ("subaccounts",),
    "messaging": ("sms_groups", "sms_contacts", "email_groups"),
    "webhooks": ("webhook_events",),
}
TABLES = sorted(table for members in GROUPS.values() for table in members)
READ = [table for table in TABLES if not table.endswith("_changes") and table != "webhook_events"]
PARTITIONS = {
    "coupon_sessions": "daily",
    "coupon_session_changes": "daily",
    "directory_registrations": "daily",
    "loyalty_users": "cards",
    "loyalty_user_changes": "cards",
}
MARTS = {
    "abuse_candidates": ["campaigns", "coupon_session_changes", "coupon_sessions"],
    "campaign_funnel": ["campaigns", "coupon_sessions"],
    "campaign_funnel_by_day": ["campaigns", "coupon_sessions"],
    "channels": ["coupon_sessions"],
    "code_pool": ["campaigns", "coupon_sessions"],
    "customers": ["coupon_sessions", "directory_registrations", "loyalty_users"],
    "interactions_by_month": ["campaigns", "coupon_sessions", "loyalty_user_changes"],
    "locations": ["coupon_sessions"],
    "loyalty_points": ["loyalty_cards", "loyalty_users"],
    "loyalty_points_by_day": ["loyalty_cards", "loyalty_user_changes", "loyalty_users"],
    "registrations_by_month": ["directories", "directory_registrations"],
    "session_breakage": ["campaigns", "coupon_sessions"],
    "session_events": ["coupon_sessions"],
    "session_expiry": ["campaigns", "coupon_sessions"],
    "sessions_by_hour": ["coupon_sessions"],
    "weekly_cohorts": ["coupon_sessions"],
}
SHOWN = [
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
]
SESSIONS_AND_DATABASE = [key for asset in (campaigns, coupon_sessions, published_database) for key in asset.keys]
"""What is selected where a part of the graph shows the same as all of it."""
BLOCKING = {"unique_keys": TABLES, "counts_reconciled": READ, "no_sudden_drop": READ}
WARNING = {
    "no_rejected_records": READ,
    "no_new_fields": READ,
    "no_future_dates": ["coupon_sessions", "directory_registrations"],
    "dates_in_order": ["coupon_sessions"],
    "parents_exist": [
        "coupon_sessions",
        "directory_campaigns",
        "directory_registrations",
        "loyalty_users",
        "sms_contacts",
    ],
}


def test_the_graph_is_the_one_that_is_drawn_in_the_readme() -> None:
    graph = {
        spec.key.to_user_string(): (spec.group_name, sorted(dep.asset_key.to_user_string() for dep in spec.deps))
        for spec in defs.resolve_all_asset_specs()
    }
    expected = {table: (group, list[str]()) for group, members in GROUPS.items() for table in members}
    expected["coupon_session_changes"] = ("campaigns", ["coupon_sessions"])
    expected["loyalty_user_changes"] = ("loyalty", ["loyalty_users"])
    expected |= {f"marts/{mart}": ("marts", tables) for mart, tables in MARTS.items()}
    expected["dictionary"] = ("analytics", ["published_database"])
    expected["report"] = ("analytics", [*(f"marts/{mart}" for mart in SHOWN), "published_database"])
    assert graph == expected | {"published_database": ("analytics", TABLES)}
    nodes = defs.resolve_asset_graph()
    partitions = {
        key.to_user_string(): {daily: "daily", cards: "cards"}[node.partitions_def]
        for key in nodes.get_all_asset_keys()
        if (node := nodes.get(key)).partitions_def
    }
    assert partitions == PARTITIONS
    policies = {nodes.get(dg.AssetKey(name)).backfill_policy for name in PARTITIONS}
    assert policies == {dg.BackfillPolicy.single_run()}


@pytest.mark.parametrize(
    ("setting", "policy"),
    [("31", dg.BackfillPolicy.multi_run(31)), ("none", dg.BackfillPolicy.single_run())],
)
def test_a_backfill_of_days_is_cut_into_runs_for_several_workers(
    monkeypatch: pytest.MonkeyPatch, setting: str, policy: dg.BackfillPolicy
) -> None:
    monkeypatch.setenv("COUPONTOOLS_DAYS_PER_RUN", setting)
    declared = table_asset(CouponSession, EXTRACTS[CouponSession])
    assert declared.backfill_policy == policy
    assert backfill_policy(cards) == backfill_policy(None) == dg.BackfillPolicy.single_run()


def test_what_is_checked_and_what_blocks() -> None:
    graph = defs.resolve_asset_graph()
    checks = {(key.name, key.asset_key.to_user_string(), graph.get(key).blocking) for key in graph.asset_check_keys}
    assert checks == {
        (name, table, is_blocking)
        for names, is_blocking in ((BLOCKING, True), (WARNING, False))
        for name, tables in names.items()
        for table in tables
    }


def test_what_runs_and_when() -> None:
    repository = defs.get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert jobs == {"export", "full_export", "export_loyalty_users", "export_webhook_events", "publish", "digest"}
    assert {schedule.name: (schedule.job_name, schedule.cron_schedule) for schedule in repository.schedule_defs} == {
        "daily_export": ("export", "15 0 * * *"),
        "daily_export_of_loyalty_users": ("export_loyalty_users", "20 0 * * *"),
        "weekly_full_export": ("full_export", "30 1 * * 0"),
        "weekly_digest": ("digest", "0 6 * * 1"),
    }
    running = dg.DefaultSensorStatus.RUNNING
    assert {sensor.name: sensor.default_status for sensor in repository.sensor_defs} == {
        "publish_after_updates": running,
        "loyalty_card_partitions": running,
        "alerts": running,
        "webhook_updates": running,
    }
    assert all(schedule.description for schedule in repository.schedule_defs), "Dagster shows no docstrings of them"
    assert all(sensor.description for sensor in repository.sensor_defs)


def test_every_asset_says_what_it_is() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.description
        assert spec.owners
        assert spec.kinds
        assert spec.tags["personal_data"] in {"yes", "no"}
        assert spec.freshness_policy
    described = coupon_sessions.specs_by_key[dg.AssetKey("coupon_sessions")].metadata
    table = described["dagster/column_schema"]
    assert table.columns[0].name == "session_id"
    assert all(column.description for column in table.columns)
    assert described["dagster/table_name"] == "coupon_sessions"
    assert described["API"].value.startswith("https://docs.coupontools.com/")
    mart = published_database.specs_by_key[dg.AssetKey(["marts", "customers"])]
    columns = {column.name: column for column in mart.metadata["dagster/column_schema"].columns}
    assert columns["points"].type == "DECIMAL(38,4)"
    assert all(column.description for column in columns.values())
    assert mart.tags["personal_data"] == "yes"
    assert published_database.specs_by_key[dg.AssetKey("report")].tags["personal_data"] == "no"


@pytest.mark.parametrize("selected", ["published_database", "marts/channels", "report"])
def test_a_publish_is_noted_on_the_database_its_views_and_its_files_whatever_is_selected(
    serve: Serve, data_dir: Path, selected: str
) -> None:
    serve(account({1: 3}))
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(asset_selection=[dg.AssetKey.from_user_string(selected)])
    assert result.success
    noted = [event.asset_key for event in result.get_asset_materialization_events()]
    assert len(noted) == len(published_database.keys)
    assert set(noted) == published_database.keys
    assert (data_dir / "report.html").exists()


def test_days_are_utc_and_none_lies_in_the_future() -> None:
    partitions = coupon_sessions.partitions_def
    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    assert partitions.timezone == "UTC"
    assert partitions.get_first_partition_key() == "2020-01-01"
    assert (partitions.get_last_partition_key() or "") < datetime.now(UTC).date().isoformat()


def test_the_daily_schedule_reads_yesterday() -> None:
    schedule = defs.get_repository_def().get_schedule_def("daily_export")
    assert schedule.cron_schedule == "15 0 * * *"
    tick = datetime(2026, 3, 5, 0, 15, tzinfo=UTC)
    with (
        dg.instance_for_test() as instance,
        dg.build_schedule_context(
            instance, scheduled_execution_time=tick, repository_def=defs.get_repository_def()
        ) as context,
    ):
        (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == "2026-03-04"


def test_the_weekly_schedule_reads_everything_and_finds_deletions(serve: Serve, data_dir: Path) -> None:
    made = account({1: 3})
    serve(made)
    export_sessions(date(2020, 1, 1), date(2026, 3, 7))
    made.remove_session("s00000000000000000002")
    repository = defs.get_repository_def()
    schedule = repository.get_schedule_def("weekly_full_export")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=datetime(2026, 3, 8, 1, 30, tzinfo=UTC), repository_def=repository
        )
        (request,) = schedule.evaluate_tick(context).run_requests or []
        assert request.partition_key == "2026-03-07"
        job = defs.resolve_job_def("full_export")
        assert job.execute_in_process(
            partition_key=request.partition_key, instance=instance, asset_selection=SESSIONS_AND_DATABASE
        ).success
    with duckdb.connect(str(data_dir / "coupontools.duckdb"), read_only=True) as connection:
        query = "SELECT sequence_id, _deleted_at IS NULL FROM coupon_sessions ORDER BY ALL"
        assert connection.execute(query).fetchall() == [(1, True), (2, False), (3, True)]


def test_a_range_of_partitions_is_one_run_with_a_count_for_each_day(serve: Serve, data_dir: Path) -> None:
    server = serve(account({1: 3000}))
    tags = {"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-01-05"}
    with dg.DagsterInstance.ephemeral() as instance:
        selected = [*campaigns.keys, *coupon_sessions.keys]
        result = defs.resolve_job_def("export").execute_in_process(
            instance=instance, tags=tags, asset_selection=selected
        )
        assert result.success
        noted = {
            event.partition: event.step_materialization_data.materialization.metadata
            for event in result.get_asset_materialization_events()
            if event.asset_key == dg.AssetKey("coupon_sessions")
        }
    counts = {day: metadata["dagster/partition_row_count"].value for day, metadata in noted.items()}
    assert {metadata["days read"].value for metadata in noted.values()} == {"2026-01-01 to 2026-01-05"}
    first_days = {entry.parameters.get("start_date") for entry in server.requests if "campaign/" in entry.path}
    assert first_days == {"2026-01-01"}
    publish_only(coupon_sessions)
    with duckdb.connect(str(data_dir / "coupontools.duckdb"), read_only=True) as connection:
        query = "SELECT created_at::DATE::VARCHAR, count(*) FROM coupon_sessions GROUP BY ALL"
        assert dict(connection.execute(query).fetchall()) == {day: count for day, count in counts.items() if count}
    assert counts.keys() == {f"2026-01-0{day}" for day in range(1, 6)}


def test_a_run_without_configuration_fails_with_one_line_that_names_the_variable() -> None:
    result = defs.resolve_job_def("export").execute_in_process(partition_key="2026-01-01", raise_on_error=False)
    assert not result.success
    reasons = {
        event.step_failure_data.user_failure_data.description
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    }
    assert len(reasons) == 1
    assert "COUPONTOOLS_API_URL is not set: set it to" in (reasons.pop() or "")


def test_a_wrong_start_date_fails_a_run_and_skips_a_tick_with_one_line_that_names_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account({1: 3}))
    monkeypatch.setenv("COUPONTOOLS_START_DATE", "soon")
    line = "COUPONTOOLS_START_DATE is wrong: should be a date written as 2026-01-31."
    result = defs.resolve_job_def("export").execute_in_process(partition_key="2026-01-01", raise_on_error=False)
    failures = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    assert {failure.description for failure in failures if failure} == {line}
    schedule = defs.get_repository_def().get_schedule_def("daily_export")
    tick = datetime(2026, 3, 5, 0, 15, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=tick) as context:
        assert schedule.evaluate_tick(context).skip_message == line


@pytest.mark.parametrize("name", ["daily_export", "weekly_full_export"])
def test_the_schedules_wait_for_the_end_of_the_first_day(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_START_DATE", "2026-03-05")
    schedule = defs.get_repository_def().get_schedule_def(name)
    tick = datetime(2026, 3, 5, 0, 15, tzinfo=UTC)
    with dg.instance_for_test() as instance, dg.build_schedule_context(instance, tick) as context:
        assert "No day is over since COUPONTOOLS_START_DATE" in (schedule.evaluate_tick(context).skip_message or "")


def test_a_blocking_check_keeps_the_published_database_as_it_was(serve: Serve, data_dir: Path) -> None:
    serve(account({1: 3}))
    job = defs.resolve_job_def("export")
    export_sessions(date(2026, 1, 1), date(2026, 1, 1))
    before = (data_dir / "coupontools.duckdb").stat().st_ino
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb")) as stage:
        stage.execute("INSERT INTO coupon_sessions FROM coupon_sessions")
    result = job.execute_in_process(
        partition_key="2026-06-01", asset_selection=SESSIONS_AND_DATABASE, raise_on_error=False
    )
    assert {check.check_name for check in result.get_asset_check_evaluations() if not check.passed} == {"unique_keys"}
    assert not result.success
    assert (data_dir / "coupontools.duckdb").stat().st_ino == before


def test_the_graph_runs_on_other_resources_without_patching(serve: Serve, tmp_path: Path) -> None:
    serve(account({1: 3}))
    other = build_defs(warehouse=WarehouseResource(data_dir=str(tmp_path / "other")))
    job = other.resolve_job_def("export")
    assert job.execute_in_process(partition_key="2026-01-01", asset_selection=SESSIONS_AND_DATABASE).success
    assert (tmp_path / "other" / "coupontools.duckdb").exists()


@pytest.mark.parametrize("value", ["http://127.0.0.1:9", {"env": "HOME"}, None])
@pytest.mark.parametrize("field", ["coupontools.url", "warehouse.data_dir", "coupontools.client_id"])
def test_no_run_can_set_where_the_keys_go_or_where_is_written(field: str, value: object) -> None:
    resource, name = field.split(".")
    attack = {"resources": {resource: {"config": {name: value}}}}
    for job in defs.get_repository_def().get_all_jobs():
        with pytest.raises(dg.DagsterInvalidConfigError, match=f'unexpected config entry "{name}"'):
            dg.validate_run_config(job, attack)


def test_no_value_of_the_environment_is_shown_that_a_runs_config_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "never-shown")
    attack = {"ops": {"coupon_sessions": {"config": {"start": {"env": "COUPONTOOLS_CLIENT_SECRET"}, "end": "x"}}}}
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        run_config=attack, asset_selection=[*coupon_sessions.keys], raise_on_error=False
    )
    text = "".join(f"{event.message} {event.event_specific_data}" for event in result.all_events)
    assert "The start in the run's config is not a date" in text
    assert "never-shown" not in text


@pytest.mark.parametrize(
    ("partition", "days", "reason"),
    [
        ("2026-01-01", ("2026-01-02", "2026-01-05"), "The run has partitions, and days in its config"),
        (None, ("2026-01-05", "2026-01-02"), "starts on 2026-01-05, after it ends on 2026-01-02"),
        (None, ("2999-01-05", "2999-01-06"), "starts on 2999-01-05, which has not begun"),
    ],
)
def test_days_of_a_runs_config_that_would_not_be_read_are_refused(
    serve: Serve, partition: str | None, days: tuple[str, str], reason: str
) -> None:
    serve(account({1: 3}))
    start, end = days
    result = defs.resolve_job_def("export").execute_in_process(
        partition_key=partition,
        run_config={"ops": {"coupon_sessions": {"config": {"start": start, "end": end}}}},
        asset_selection=[*coupon_sessions.keys],
        raise_on_error=False,
    )
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.user_failure_data
    assert reason in str(failure.user_failure_data.description)


def test_a_range_of_partitions_in_the_wrong_order_is_refused() -> None:
    result = defs.resolve_job_def("export").execute_in_process(
        tags=partition_range(["2026-01-05", "2026-01-02"]),
        asset_selection=[*coupon_sessions.keys],
        raise_on_error=False,
    )
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.user_failure_data
    assert "begin with 2026-01-05 and end with 2026-01-02" in str(failure.user_failure_data.description)


@pytest.mark.parametrize("share", [2, -0.1, float("nan")])
def test_a_share_of_deleted_rows_that_cannot_be_meant_is_refused_in_one_line(share: float) -> None:
    result = defs.resolve_job_def("publish").execute_in_process(
        run_config={"ops": {"audit": {"config": {"largest_drop": share}}}}, raise_on_error=False
    )
    failure = next(event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert failure.user_failure_data
    assert "is no share from 0 to 1" in str(failure.user_failure_data.description)


def test_loading_the_code_location_asks_nothing_and_writes_nothing_whatever_is_wrong(tmp_path: Path) -> None:
    wrong = {
        "COUPONTOOLS_API_URL": "http://127.0.0.1:9",
        "COUPONTOOLS_DATA_DIR": "nowhere",
        "COUPONTOOLS_START_DATE": "soon",
        "COUPONTOOLS_PERSONAL_DATA": "perhaps",
    }
    code = (
        "import logging, sys, dagster as dg, pipelines.definitions as d, resources.metrics as m; assert d.defs;"
        "m.note_metrics([m.REQUESTS.of(1, table='campaigns')], logging.getLogger());"
        "assert d.alerts(dg.build_sensor_context()).skip_message.startswith('Nobody is alerted');"
        "assert not {'apprise', 'prometheus_client'} & set(sys.modules)"  # what is off costs nothing
    )
    environment = {**wrong, "HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert not list(tmp_path.iterdir())
