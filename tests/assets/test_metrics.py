"""The metrics of runs, as a Prometheus client reads them from the file."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from assets.errors import FORESEEN
from pipelines.definitions import defs
from resources.metrics import METRICS, PUBLISHED_AT, REQUESTS, note_metrics
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.runs import export_only
from tests.support.table_assets import campaigns, coupon_sessions, sms_groups


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the setting, in a folder that is not there yet."""
    path = tmp_path / "collector" / "coupontools.prom"
    monkeypatch.setenv("COUPONTOOLS_METRICS_FILE", str(path))
    return path


def value(file: Path, name: str, **labels: str) -> float | None:
    """The value of a series."""
    for family in text_string_to_metric_families(file.read_text()):
        for sample in family.samples:
            if (sample.name, sample.labels) == (name, labels):
                return float(sample.value)
    return None


def test_runs_add_to_the_counters_of_their_table_and_keep_those_of_others(serve: Serve, file: Path) -> None:
    serve(account({1: 3}))
    export_only(campaigns, coupon_sessions, start="2026-01-01", end="2026-01-31")
    requests = value(file, "coupontools_requests_total", table="campaigns") or 0
    assert requests > 0
    assert value(file, "coupontools_rows_total", table="coupon_sessions", change="new") == 3
    assert value(file, "coupontools_records_total", table="coupon_sessions") == 3
    assert value(file, "coupontools_read_until_timestamp_seconds", table="coupon_sessions") == (
        datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    )
    sessions = [line for line in file.read_text().splitlines() if 'table="coupon_sessions"' in line]
    export_only(campaigns)
    assert value(file, "coupontools_requests_total", table="campaigns") == 2 * requests
    assert value(file, "coupontools_rows_total", table="campaigns", change="touched") == 1
    assert value(file, "coupontools_runs_total", table="campaigns", outcome="merged") == 2
    assert abs(time.time() - (value(file, "coupontools_read_until_timestamp_seconds", table="campaigns") or 0)) < 60
    assert sessions == [line for line in file.read_text().splitlines() if 'table="coupon_sessions"' in line]
    export_only(coupon_sessions, start="2025-12-01", end="2025-12-31")
    until = value(file, "coupontools_read_until_timestamp_seconds", table="coupon_sessions")
    assert until == datetime(2026, 2, 1, tzinfo=UTC).timestamp(), "older days do not set it back"
    export_only(coupon_sessions, start="2026-01-01", end="9999-12-31")
    assert value(file, "coupontools_runs_total", table="coupon_sessions", outcome="merged") == 3


def test_a_run_in_dagster_and_a_failed_one_are_counted(
    serve: Serve, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(asset_selection=[*sms_groups.keys, dg.AssetKey("published_database")]).success
    assert value(file, "coupontools_runs_total", table="sms_groups", outcome="merged") == 1
    assert value(file, "coupontools_published_rows", table="sms_groups") == 0
    assert abs(time.time() - (value(file, "coupontools_published_timestamp_seconds") or 0)) < 60
    assert (value(file, "coupontools_publish_seconds_total", stage="writing files") or 0) > 0
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "hush-hush-hush")
    with pytest.raises(FORESEEN):
        export_only(sms_groups)
    assert value(file, "coupontools_runs_total", table="sms_groups", outcome="failed") == 1
    assert value(file, "coupontools_runs_total", table="sms_groups", outcome="merged") == 1
    names = {sample.name for family in text_string_to_metric_families(file.read_text()) for sample in family.samples}
    assert names == set(METRICS)


def test_no_run_loses_what_another_one_writes_at_the_same_time(file: Path) -> None:
    log = logging.getLogger("tests")

    def write(number: int) -> None:
        note_metrics([REQUESTS.of(1, table=f"table {number % 3}")], log)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(60)))
    assert [value(file, "coupontools_requests_total", table=f"table {number}") for number in range(3)] == [20, 20, 20]


def test_a_moment_is_the_newest_one_unless_that_is_in_the_future(file: Path) -> None:
    log, now = logging.getLogger("tests"), time.time()
    for moment, expected in ((now - 9, now - 9), (now - 99, now - 9), (now + 9_999, now + 9_999), (now, now)):
        note_metrics([PUBLISHED_AT.of(moment)], log)
        assert value(file, "coupontools_published_timestamp_seconds") == expected


def test_what_a_killed_run_has_left_is_removed_and_a_broken_file_is_written_anew(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('coupontools_requests_total{table="campaigns" 7\nnonsense')
    (file.parent / "coupontools.prom.12.34").write_text("")
    (file.parent / "coupontools.prom.backup").write_text("")
    note_metrics([REQUESTS.of(1, table="campaigns")], logging.getLogger("tests"))
    assert value(file, "coupontools_requests_total", table="campaigns") == 1
    assert sorted(path.name for path in file.parent.iterdir()) == ["coupontools.prom", "coupontools.prom.backup"]


def test_a_file_that_cannot_be_written_is_one_warning_and_fails_no_run(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    serve(account())
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COUPONTOOLS_METRICS_FILE", str(tmp_path / "file" / "coupontools.prom"))
    export_only(sms_groups, campaigns)
    line = f"The metrics of this run cannot be written to {tmp_path}/file/coupontools.prom (File exists): make room"
    assert [line in message for message in caplog.messages] == [True]
