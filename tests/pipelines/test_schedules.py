"""Schedules and sensors, asked as the daemon asks them, on an instance that remembers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines.definitions import defs
from resources.coupontools.resource import CoupontoolsResource
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.faults import Fault
from resources.warehouse.resource import WarehouseResource
from tests.conftest import Serve
from tests.support.accounts import account, whole_account
from tests.support.queries import in_database
from tests.support.runs import export_only, publish_only
from tests.support.table_assets import coupon_sessions, loyalty_cards, loyalty_users

REPOSITORY = defs.get_repository_def()
RESOURCES = {"coupontools": CoupontoolsResource(), "warehouse": WarehouseResource()}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk: a schedule opens it anew."""
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def instance_in_memory() -> Iterator[dg.DagsterInstance]:
    """An instance for sensors, which are given the one that there is: it takes half of the time."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@contextmanager
def ticked(instance: dg.DagsterInstance, schedule: str, moment: datetime) -> Iterator[dg.RunRequest]:
    """What a schedule asks for at a moment."""
    with dg.build_schedule_context(instance, scheduled_execution_time=moment, repository_def=REPOSITORY) as context:
        (request,) = REPOSITORY.get_schedule_def(schedule).evaluate_tick(context).run_requests or []
        yield request


def run(instance: dg.DagsterInstance, job: str, request: dg.RunRequest, *assets: dg.AssetsDefinition) -> None:
    """Run what was asked for and publish, or only read these assets of it."""
    selected = [key for asset in assets for key in asset.keys] or None
    done = defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=request.tags, asset_selection=selected
    )
    assert done.success


def days_of(request: dg.RunRequest) -> tuple[str | None, str | None]:
    """The first and last day of what was asked for."""
    tags = request.tags
    first = tags.get("dagster/asset_partition_range_start", request.partition_key)
    return first, tags.get("dagster/asset_partition_range_end", request.partition_key)


def sense(instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    """What the sensor of loyalty cards asks for now."""
    sensor = REPOSITORY.get_sensor_def("loyalty_card_partitions")
    with dg.build_sensor_context(instance, resources=RESOURCES) as context:
        result = sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_a_week_of_daily_exports_misses_nothing_although_days_were_missed(
    serve: Serve, data_dir: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = datetime(2026, 3, 26, 0, 15)  # the night to the 29th changes to summer time in Europe
    clock = Clock.frozen(first)
    serve(GeneratedAccount(seed=5, sessions=2_000, campaigns=1), clock=clock)
    requested = []
    for number in (0, 1, 6):
        moment = first + timedelta(days=number)
        clock.set(moment)
        with ticked(instance, "daily_export", moment.replace(tzinfo=UTC)) as request:
            requested.append(days_of(request))
            assert request.run_key == (moment - timedelta(days=1)).date().isoformat()
            run(instance, "export", request, coupon_sessions)
    assert requested == [
        ("2026-03-25", "2026-03-25"),
        ("2026-03-26", "2026-03-26"),
        ("2026-03-27", "2026-03-31"),
    ]
    window = "SELECT session_id FROM coupon_sessions WHERE created_at::DATE BETWEEN '2026-03-25' AND '2026-03-31'"
    publish_only(coupon_sessions)
    rows = set(in_database(data_dir, window))
    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(tmp_path / "whole"))
    export_only(coupon_sessions, start="2026-03-25", end="2026-03-31")
    assert rows == set(in_database(tmp_path / "whole", window))
    assert len(rows) > 10


def test_a_day_whose_run_has_failed_is_read_with_the_next(serve: Serve, instance: dg.DagsterInstance) -> None:
    serve(account({1: 3}))
    with ticked(instance, "daily_export", datetime(2026, 1, 2, 0, 15, tzinfo=UTC)) as request:
        run(instance, "export", request, coupon_sessions)
    with ticked(instance, "daily_export", datetime(2026, 1, 4, 0, 15, tzinfo=UTC)) as request:
        assert days_of(request) == ("2026-01-02", "2026-01-03")
    with ticked(instance, "daily_export", datetime(2026, 6, 1, 0, 15, tzinfo=UTC)) as request:
        assert days_of(request) == ("2026-04-30", "2026-05-31")


def test_cards_become_partitions_are_exported_and_go_with_the_card(
    serve: Serve, data_dir: Path, instance_in_memory: dg.DagsterInstance
) -> None:
    made = whole_account()
    serve(made)

    def follow(result: dg.SensorResult | dg.SkipReason, *assets: dg.AssetsDefinition) -> None:
        assert isinstance(result, dg.SensorResult)
        for change in result.dynamic_partitions_requests or []:
            if isinstance(change, dg.AddDynamicPartitionsRequest):
                instance_in_memory.add_dynamic_partitions("loyalty_cards", change.partition_keys)
            else:
                for key in change.partition_keys:
                    instance_in_memory.delete_dynamic_partition("loyalty_cards", key)
        for request in result.run_requests or []:
            run(instance_in_memory, "export_loyalty_users", request, *assets)

    follow(sense(instance_in_memory), loyalty_cards, loyalty_users)
    publish_only(loyalty_users)
    assert instance_in_memory.get_dynamic_partitions("loyalty_cards") == ["123456", "123457"]
    assert len(in_database(data_dir, "FROM loyalty_users")) == 131
    assert isinstance(sense(instance_in_memory), dg.SkipReason)
    made.remove_record("loyalty_cards", "123457")
    follow(sense(instance_in_memory))
    assert instance_in_memory.get_dynamic_partitions("loyalty_cards") == ["123456"]
    live = "SELECT loyalty_card_id, count(*) FROM loyalty_users WHERE _deleted_at IS NULL GROUP BY ALL"
    assert in_database(data_dir, live) == [("123456", 130)]


def test_users_are_still_read_daily_after_the_last_card_was_deleted_so_that_their_table_does_not_turn_stale(
    serve: Serve, instance: dg.DagsterInstance
) -> None:
    made = whole_account()
    for card in ("123456", "123457"):
        made.remove_record("loyalty_cards", card)
    serve(made)
    with ticked(instance, "daily_export_of_loyalty_users", datetime(2026, 1, 2, 0, 20, tzinfo=UTC)) as request:
        run(instance, "export_loyalty_users", request, loyalty_cards, loyalty_users)
    assert instance.get_latest_materialization_event(dg.AssetKey("loyalty_users"))


@pytest.mark.parametrize("job", ["export_loyalty_users", "__ASSET_JOB"])
def test_a_deleted_card_stays_a_partition_until_the_run_over_it_has_ended(
    serve: Serve, instance_in_memory: dg.DagsterInstance, job: str
) -> None:
    made = whole_account()
    serve(made)
    instance_in_memory.add_dynamic_partitions("loyalty_cards", ["123456", "123457"])
    tags = {"dagster/asset_partition_range_start": "123456", "dagster/asset_partition_range_end": "123457"}
    users = frozenset(loyalty_users.keys)
    definition = defs.resolve_job_def(job).get_subset(asset_selection=users)
    waiting = instance_in_memory.create_run_for_job(
        definition, tags=tags, status=dg.DagsterRunStatus.STARTED, asset_selection=users
    )
    made.remove_record("loyalty_cards", "123456")
    skipped = sense(instance_in_memory)
    assert isinstance(skipped, dg.SkipReason), "the run would fail, and read none of its cards"
    assert "once no run reads" in str(skipped.skip_message)
    made.put_record("loyalty_cards", {"ID": "123458", "name": "New card"})
    added = sense(instance_in_memory)
    assert isinstance(added, dg.SensorResult)
    assert [len(change.partition_keys) for change in added.dynamic_partitions_requests or []] == [1, 0]
    instance_in_memory.delete_run(waiting.run_id)
    gone = sense(instance_in_memory)
    assert isinstance(gone, dg.SensorResult)
    assert [change.partition_keys for change in gone.dynamic_partitions_requests or []] == [["123458"], ["123456"]]


def test_while_the_api_does_not_answer_the_sensor_says_so_and_changes_no_partition(
    serve: Serve, instance_in_memory: dg.DagsterInstance
) -> None:
    server = serve(whole_account())
    instance_in_memory.add_dynamic_partitions("loyalty_cards", ["123456"])
    server.faults.add(Fault("500", path="v4/loyalty/*", times=None))
    skipped = sense(instance_in_memory)
    assert isinstance(skipped, dg.SkipReason)
    assert "v4/loyalty/loyalty-cards" in str(skipped.skip_message)
    assert instance_in_memory.get_dynamic_partitions("loyalty_cards") == ["123456"]


def test_without_an_account_the_sensor_says_what_is_missing(instance_in_memory: dg.DagsterInstance) -> None:
    sensor = REPOSITORY.get_sensor_def("loyalty_card_partitions")
    with dg.build_sensor_context(instance_in_memory, resources=RESOURCES) as context:
        skipped = sensor(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "COUPONTOOLS_API_URL is not set" in str(skipped.skip_message)
