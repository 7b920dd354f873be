"""The sensor `alerts`, on an instance that remembers, with a real receiver."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster._core.definitions.freshness import (  # noqa: TID251  (what Dagster's daemon notes)
    FreshnessState,
    FreshnessStateChange,
)

from pipelines.definitions import defs
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.receivers import WebReceiver, web_receiver
from tests.support.table_assets import campaigns

SECRET = "hush-hush-hush"


class Sensor:
    """The sensor on an instance, with its cursor from tick to tick."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.cursor: str | None = None

    def tick(self) -> str:
        """Evaluate it once; returns what it says."""
        with dg.build_sensor_context(self.instance, cursor=self.cursor) as context:
            skipped = defs.get_repository_def().get_sensor_def("alerts")(context)
            self.cursor = context.cursor
        assert isinstance(skipped, dg.SkipReason)
        return str(skipped.skip_message)

    def run(self, *assets: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
        """Run assets of the job `export` for a day."""
        selected = [key for asset in assets for key in asset.keys]
        return defs.resolve_job_def("export").execute_in_process(
            partition_key="2026-01-01", asset_selection=selected, instance=self.instance, raise_on_error=False
        )

    def publish(self) -> dg.ExecuteInProcessResult:
        """Run the job `publish`."""
        job = defs.resolve_job_def("publish")
        return job.execute_in_process(instance=self.instance, raise_on_error=False)

    def becomes(self, state: FreshnessState, *tables: str) -> None:
        """Note the freshness of tables."""
        for table in tables:
            change = FreshnessStateChange(
                key=dg.AssetKey(table),
                new_state=state,
                previous_state=FreshnessState.UNKNOWN,
                state_change_timestamp=datetime.now(UTC).timestamp(),
            )
            self.instance.report_runless_asset_event(change)


@pytest.fixture
def sensor() -> Iterator[Sensor]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Sensor(instance)


def test_a_failed_run_is_alerted_of_once_and_once_more_when_a_later_run_has_done_the_same(
    serve: Serve, web: WebReceiver, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    monkeypatch.setenv("COUPONTOOLS_DAGSTER_URL", "https://dagster.example.com/")
    assert sensor.tick() == "All is well."
    with monkeypatch.context() as wrong:
        wrong.setenv("COUPONTOOLS_CLIENT_SECRET", SECRET)
        failed = sensor.run(campaigns)
        assert not failed.success
        assert sensor.tick() == "Problems that every receiver knows: 1."
    (first,) = web.take()
    assert first.startswith(
        f"Coupontools export: 1 problem\ncampaigns (2026-01-01, https://dagster.example.com/runs/{failed.run_id}), "
    )
    assert "The API refuses the keys" in first
    assert "Check COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET." in first
    assert SECRET not in first + (sensor.cursor or "")
    sensor.tick()
    assert web.take() == []
    assert sensor.run(campaigns).success
    assert sensor.tick() == "All is well."
    (last,) = web.take()
    assert "campaigns: resolved at" in last
    assert failed.run_id in last, "its partition may be one that nobody has read since"


def test_a_receiver_that_is_down_is_sent_later_what_has_failed_and_is_well_again_meanwhile(
    serve: Serve, web: WebReceiver, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    sensor.tick()
    web.status = 503
    with monkeypatch.context() as wrong:
        wrong.setenv("COUPONTOOLS_CLIENT_SECRET", SECRET)
        sensor.run(campaigns)
    assert sensor.tick() == "An alert was not taken by JSON 127.0.0.1 (refused with HTTP 503): it is sent again."
    sensor.run(campaigns)
    web.status = 200
    sensor.tick()
    (text,) = web.take()
    assert text.startswith("Coupontools export: 1 resolved\n")
    assert "The API refuses the keys" in text
    assert sensor.cursor
    assert "refuses" not in sensor.cursor


def test_a_failed_check_is_alerted_of_as_a_check_and_not_as_the_failure_of_its_run_too(
    serve: Serve, web: WebReceiver, sensor: Sensor, data_dir: Path
) -> None:
    sensor.tick()
    serve(account())
    assert sensor.run(campaigns).success
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb")) as stage:
        stage.execute("INSERT INTO campaigns FROM campaigns")
    assert not sensor.publish().success
    sensor.tick()
    (text,) = web.take()
    assert text.startswith("Coupontools export: 1 problem\nunique_keys of campaigns, ")
    assert "1 keys are in more than one row. Nothing new is published until it passes" in text
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb")) as stage:
        stage.execute("DELETE FROM campaigns WHERE rowid > 0")
    assert sensor.publish().success
    sensor.tick()
    (text,) = web.take()
    assert text.startswith("Coupontools export: 1 resolved\nunique_keys of campaigns: resolved at")


def test_a_run_whose_process_has_died_is_alerted_of_unless_dagster_starts_it_again(
    web: WebReceiver, sensor: Sensor
) -> None:
    sensor.tick()
    job = defs.resolve_job_def("publish")
    retried = sensor.instance.create_run_for_job(job, tags={"dagster/will_retry": "true"})
    sensor.instance.report_run_failed(retried)
    sensor.tick()
    assert web.take() == []
    dead = sensor.instance.create_run_for_job(job)
    sensor.instance.report_run_failed(dead)
    sensor.tick()
    (text,) = web.take()
    assert f"job publish (run {dead.run_id})" in text
    assert "its process has died. Start it again." in text


def test_tables_that_turn_stale_are_one_message(web: WebReceiver, sensor: Sensor) -> None:
    sensor.tick()
    sensor.becomes(FreshnessState.WARN, "campaigns")
    sensor.tick()
    assert web.take() == []
    sensor.becomes(FreshnessState.FAIL, "campaigns", "published_database")
    sensor.tick()
    sensor.tick()
    (text,) = web.take()
    assert text.startswith("Coupontools export: 1 problem\ncampaigns, published_database, ")
    assert "nothing new has come for 49 hours" in text
    sensor.becomes(FreshnessState.PASS, "campaigns", "published_database")
    sensor.tick()
    (text,) = web.take()
    assert text.startswith("Coupontools export: 1 resolved\ncampaigns, published_database: resolved at")


def test_each_receiver_is_sent_a_problem_once_and_its_end_if_it_was_sent_its_beginning(
    web: WebReceiver, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sent(*receivers: WebReceiver) -> list[list[str]]:
        """What each receiver is sent by two ticks, as the first lines of the messages."""
        monkeypatch.setenv("COUPONTOOLS_ALERTS", " ".join(receiver.address for receiver in receivers))
        sensor.tick()
        sensor.tick()
        return [[text.splitlines()[0].partition(": ")[2] for text in receiver.take()] for receiver in receivers]

    with web_receiver() as second, web_receiver() as third:
        assert sent(web) == [[]]
        sensor.becomes(FreshnessState.FAIL, "campaigns")
        assert sent(web) == [["1 problem"]]
        assert sent(web, second) == [[], ["1 problem"]], "it was added while the problem was there"
        sensor.becomes(FreshnessState.PASS, "campaigns")
        web.status = 503
        assert sent(web, second) == [[], ["1 resolved"]]
        web.status = 200
        assert sent(second, third) == [[], []], "the problem was over when the third was added, and the first was away"
        sensor.becomes(FreshnessState.FAIL, "campaigns")
        assert sent(web, second, third) == [[], ["1 problem"], ["1 problem"]], "the first was not sent that it was over"
        sensor.becomes(FreshnessState.PASS, "campaigns")
        assert sent(web, second, third) == [["1 resolved"]] * 3
        sensor.becomes(FreshnessState.FAIL, "campaigns")
        assert sent(web) == [["1 problem"]]
        assert sent(second) == [["1 problem"]], "it has the place, and the host, of the first"
        sensor.becomes(FreshnessState.PASS, "campaigns")
        assert sent(second, web) == [["1 resolved"]] * 2
    assert sensor.tick() == "All is well."


def test_without_receivers_the_sensor_skips_in_one_line(sensor: Sensor) -> None:
    assert sensor.tick() == "Nobody is alerted: COUPONTOOLS_ALERTS is not set."
    assert sensor.cursor is None


def test_a_wrong_address_is_the_reason_why_the_sensor_skips(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_ALERTS", f"bogus://{SECRET}")
    line = sensor.tick()
    assert line.startswith("COUPONTOOLS_ALERTS is wrong: an address")
    assert SECRET not in line
