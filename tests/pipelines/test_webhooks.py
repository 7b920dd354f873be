"""`coupontools webhooks`, and what becomes of the events that it has received."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import dagster as dg
import httpx
import pytest
from click.testing import CliRunner

from assets.webhook_events import FILES_WAITING
from pipelines import sensors
from pipelines.cli import app
from pipelines.definitions import defs
from pipelines.sensors import AGAIN, webhook_updates
from resources.warehouse.resource import WarehouseResource
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.forked import Forked, start_command
from tests.support.ports import find_free_port
from tests.support.queries import in_database
from tests.support.webhooks import SECRET, TOKEN, event, receive, send, update, waiting

COMMAND = Path(sys.executable).with_name("coupontools")
SESSION_KEY = dg.AssetKey("coupon_sessions")


@contextmanager
def receiver(*options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the command in a process of its own; the value is that, and the address with its token."""
    command = [str(COMMAND), "webhooks", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            line = process.stdout.readline()
            yield process, re.findall(r"http://\S+", line)[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


@contextmanager
def forked_receiver(data_dir: Path) -> Iterator[tuple[Forked, str]]:
    """Run it in a process that begins at once; the value is that, and the address with its token."""
    port = find_free_port()
    process = start_command(data_dir, "webhooks", "--port", str(port))
    url = f"http://127.0.0.1:{port}/{TOKEN}"
    try:
        deadline = time.monotonic() + 20
        while not process.has_ended and time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                assert httpx.get(url).status_code == 405
                break
            time.sleep(0.05)
        yield process, url
    finally:
        process.kill()


def of_the_first(name: str) -> bytes:
    """An event of the first session of the account."""
    return event(name, campaign="cam_1", session="s00000000000000000001", datetime="2026-01-01 00:01:00")


def test_an_event_is_neither_lost_nor_doubled_when_the_receiver_is_killed(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    monkeypatch.setenv("COUPONTOOLS_WEBHOOK_TOKEN", TOKEN)
    numbers, answered, sent = count(), set[str](), set[str]()

    def send_many(url: str) -> None:
        with httpx.Client() as http, suppress(httpx.HTTPError):
            while True:
                name = f"{next(numbers):05}"
                sent.add(name)
                if http.post(url, content=of_the_first(name)).status_code == 200:
                    answered.add(f"evt_{name}")

    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            with forked_receiver(data_dir) as (process, url):
                sending = [pool.submit(send_many, url) for _ in range(4)]
                before, deadline = len(answered), time.monotonic() + 20
                while len(answered) < before + 30 and time.monotonic() < deadline:
                    time.sleep(0.01)
                process.kill()
                for one in sending:
                    one.result()
            assert answered <= {event_id for ids in waiting(data_dir).values() for event_id in ids}
    receive(*(of_the_first(name) for name in sorted(sent)))
    assert update().events.new == len(sent)
    assert update().events.new == 0


def tick(instance: dg.DagsterInstance) -> dg.RunRequest | str:
    """What the sensor asks for, or why for nothing."""
    with dg.build_sensor_context(instance, resources={"warehouse": WarehouseResource()}) as context:
        result = webhook_updates(context)
    assert isinstance(result, dg.RunRequest | dg.SkipReason)
    return result if isinstance(result, dg.RunRequest) else str(result.skip_message)


def tags_of(request: dg.RunRequest | str) -> dict[str, str]:
    assert isinstance(request, dg.RunRequest)
    return dict(request.tags)


def test_verified_events_start_one_run_and_none_beside_it_or_right_after_a_failure(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    with dg.DagsterInstance.ephemeral() as instance:
        assert tick(instance) == "No event was ever received."
        receive(event("0"), is_signed=False)
        assert tick(instance) == "No verified event waits."
        receive(*(of_the_first(str(number)) for number in range(50)))
        receive(of_the_first("50"))
        assert isinstance(tick(instance), dg.RunRequest)
        job = defs.resolve_job_def("export_webhook_events")
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert tick(instance) == "A run reads what earlier events touch."
        instance.report_run_failed(run)
        assert "The last run has failed" in str(tick(instance))
        monkeypatch.setattr(sensors, "SECONDS_AFTER_A_FAILURE", 0)
        assert FILES_WAITING in tags_of(tick(instance))


def test_what_a_failed_run_has_merged_is_published_by_one_run_more(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    monkeypatch.setattr(sensors, "SECONDS_AFTER_A_FAILURE", 0)
    receive(of_the_first("1"))
    update()
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_job_def("export_webhook_events")
        instance.report_run_failed(instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED))
        tags = tags_of(tick(instance))
        assert AGAIN in tags
        instance.report_run_failed(instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags))
        assert tick(instance) == "No verified event waits."


def test_a_run_for_events_publishes_and_does_not_count_as_a_day_that_was_read(serve: Serve, data_dir: Path) -> None:
    serve(account({1: 3, 2: 3}))
    yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(tzinfo=None, microsecond=0)
    receive(of_the_first("1"), event("2", campaign="cam_1", datetime=str(yesterday)))
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("export_webhook_events").execute_in_process(instance=instance)
        assert result.success
        assert not instance.get_materialized_partitions(SESSION_KEY)
        assert instance.get_latest_materialization_event(SESSION_KEY) is None
        assert instance.fetch_observations(SESSION_KEY, limit=5).records
    assert in_database(data_dir, "SELECT DISTINCT campaign_id FROM coupon_sessions") == [("cam_1",)]
    assert in_database(data_dir, "SELECT count(*) FROM webhook_events") == [(2,)]
    assert list((data_dir / "parquet" / "webhook_events").glob("month=*/*.parquet"))


def test_a_run_on_a_host_that_does_not_have_the_events_says_so(serve: Serve) -> None:
    serve(account())
    result = defs.resolve_job_def("export_webhook_events").execute_in_process(
        tags={FILES_WAITING: "1"}, asset_selection=[dg.AssetKey("webhook_events")], raise_on_error=False
    )
    (failure,) = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    assert failure
    assert "The events wait on another host" in (failure.description or "")


PERSON = {"customer": {"email": "Ann.Peeters@example.com", "phone": "+32470112233", "hobby": "sailing a dinghy"}}


@pytest.mark.parametrize("policy", ["hash", "drop"])
def test_no_personal_data_lies_on_disk_before_the_policy_is_applied(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    serve(account())
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA", policy)
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA_KEY", "a key of sixteen letters")
    monkeypatch.setenv("COUPONTOOLS_WEBHOOK_TOKEN", TOKEN)
    with forked_receiver(data_dir) as (_, url):
        assert send(url, event("1", **PERSON, note="ann.peeters@example.com called")).status_code == 200
        assert not _found(data_dir, "ann.peeters@", "470112233", "sailing")
    assert waiting(data_dir) == {"verified": ["evt_1"]}


def test_keys_that_an_event_repeats_are_in_no_file(serve: Serve, data_dir: Path) -> None:
    serve(account())
    receive(event("1", note=f"the key is {SECRET}", customer={"email": SECRET}), event("2", note="none"))
    assert waiting(data_dir) == {"verified": ["evt_1", "evt_2"]}
    assert not _found(data_dir, SECRET)


def test_whoever_is_forgotten_is_erased_from_events_that_wait_and_kept_out_of_those_that_come(
    serve: Serve, data_dir: Path
) -> None:
    serve(account())
    receive(of_the_first("0"))
    update()
    receive(event("1", **PERSON), event("2", customer={"email": "bo@example.com"}), is_signed=False)
    of_a_killed_receiver = data_dir / ".state" / "webhooks" / "1-2-3.waiting.parquet.tmp"
    of_a_killed_receiver.write_bytes(event("4", **PERSON))
    assert _found(data_dir, "ann.peeters@")
    result = CliRunner().invoke(app, ["forget", "--email", "ann.peeters@example.com"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "1 in webhook_events" in result.output
    assert not _found(data_dir, "ann.peeters@", "470112233", "sailing")
    receive(event("3", **PERSON), is_signed=False)
    assert not _found(data_dir, "ann.peeters@", "470112233", "sailing")
    assert _found(data_dir, "bo@example.com")
    assert waiting(data_dir) == {"waiting": ["evt_1", "evt_2", "evt_3"]}


def _found(folder: Path, *texts: str) -> list[str]:
    """Which of the texts are in the bytes of any file of a folder, in any case."""
    contents = [path.read_bytes().lower() for path in folder.rglob("*") if path.is_file()]
    return [text for text in texts if any(text.lower().encode() in content for content in contents)]


def test_the_address_has_a_random_token_unless_one_is_set_which_is_not_shown(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    with receiver() as (_, url):
        assert len(url.rpartition("/")[2]) >= 16
        assert send(url, event("1")).status_code == 200
    monkeypatch.setenv("COUPONTOOLS_WEBHOOK_TOKEN", "a-token-that-nobody-knows")
    with receiver("--host", "127.0.0.1") as (process, url):
        assert url.endswith("/<COUPONTOOLS_WEBHOOK_TOKEN>")
        address = url.replace("<COUPONTOOLS_WEBHOOK_TOKEN>", "a-token-that-nobody-knows")
        assert send(address, event("2", **PERSON)).status_code == 200
        assert send(address, b"nonsense about Ann.Peeters@example.com").status_code == 400
        process.terminate()
        output = "".join(process.communicate(timeout=20))
    assert process.returncode == 0
    assert "nobody-knows" not in output
    assert "Peeters" not in output


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("WEBHOOK_TOKEN", "short", "COUPONTOOLS_WEBHOOK_TOKEN is wrong: should be 16 or more letters"),
        ("WEBHOOK_TOKEN", "with/a/slash/in/it", "COUPONTOOLS_WEBHOOK_TOKEN is wrong"),
        ("CLIENT_SECRET", "", "COUPONTOOLS_CLIENT_SECRET is not set"),
        ("WEBHOOK_RETENTION_DAYS", "0", "COUPONTOOLS_WEBHOOK_RETENTION_DAYS is wrong"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    serve(account())
    monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
    result = CliRunner().invoke(app, ["webhooks"])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {line}")


def test_events_of_one_account_do_not_come_to_the_folder_of_another(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    receive(of_the_first("1"))
    update()
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "another-client")
    result = CliRunner().invoke(app, ["webhooks"])
    assert result.exit_code == 1
    assert "holds the rows of another account" in result.output
