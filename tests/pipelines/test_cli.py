"""The command as a person runs it; test_process.py has what a process of its own shows."""

import io
import os
import re
import resource
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from secrets import token_hex

import pytest

from pipelines.cli import run
from resources.coupontools.endpoints import READABLE, WEBHOOK_VERIFICATION
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.faults import Fault
from tests.conftest import Serve
from tests.support.accounts import account, campaign, session, whole_account
from tests.support.clock import MachineClock
from tests.support.command import Finished, run_command
from tests.support.queries import in_database
from tests.support.runs import export_only, export_sessions, writing_paths
from tests.support.table_assets import campaigns, coupon_sessions

COMMAND = Path(sys.executable).with_name("coupontools")
SECRET = "hush-hush-hush"
ACCOUNT = {
    "COUPONTOOLS_API_URL": "http://127.0.0.1:9",
    "COUPONTOOLS_CLIENT_ID": "somebody-or-other",
    "COUPONTOOLS_CLIENT_SECRET": SECRET,
}


def one_line_error(finished: Finished, code: int = 1) -> str:
    assert finished.code == code, finished.errors
    assert SECRET not in finished.output + finished.errors
    assert "Traceback" not in finished.errors
    *others, last = finished.errors.strip().splitlines()
    assert last.startswith("Error: ")
    assert not any("Error" in line for line in others)
    return last


def test_the_demo_shows_the_whole_thing_and_its_queries_work(tmp_path: Path) -> None:
    result = subprocess.run(
        [COMMAND, "demo", "--sessions", "500"],
        env={**os.environ, "COUPONTOOLS_DATA_DIR": str(tmp_path / "demo data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"coupon_sessions +\d{3}\n", result.stdout)
    assert re.search(r"campaigns +40\n", result.stdout)
    assert re.search(r"[\d.]+ seconds, 0 rejected rows", result.stdout)
    assert str(tmp_path / "demo data" / "coupontools.duckdb") in result.stdout
    assert str(tmp_path / "demo data" / "parquet") in result.stdout
    queries = re.findall(r'^uv run (python -c ".*?\)\)")$', result.stdout, re.MULTILINE | re.DOTALL)
    assert len(queries) == 3
    for query in queries:
        command = query.replace("python", str(sys.executable), 1)
        shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert shown.returncode == 0, shown.stderr
        assert "│" in shown.stdout


def test_the_sandbox_is_a_server_that_the_export_can_read(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = subprocess.Popen(
        [
            COMMAND,
            "sandbox",
            "--sessions",
            "300",
            "--now",
            "2026-11-01",
            "--speed",
            "0",
            "--assume",
            "session_page_size=100",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        lines = [server.stdout.readline().strip() for _ in range(4)]
        for line in lines[1:]:
            monkeypatch.setenv(*line.split("=", 1))
        export_sessions(date(2020, 1, 1), date(2026, 11, 1))
        assert in_database(data_dir, "SELECT count(*) FROM coupon_sessions") == [(300,)]
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0


def test_the_word_sandbox_as_address_starts_the_embedded_api(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = partial(GeneratedAccount, sessions=3000, campaigns=4)
    monkeypatch.setattr("resources.sandbox.generated.account.GeneratedAccount", small)
    result = run_command("export", "--from", "2026-11-01", "--to", "2026-11-01", COUPONTOOLS_API_URL="sandbox")
    assert result.code == 0, result.errors
    assert in_database(data_dir, "SELECT count(*) > 0 FROM coupon_sessions") == [(True,)]


@pytest.mark.parametrize("variable", ACCOUNT)
def test_an_unset_variable_is_named(variable: str) -> None:
    error = one_line_error(run_command("export", **{**ACCOUNT, variable: ""}))
    assert f"{variable} is not set: set it to" in error


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("COUPONTOOLS_API_URL", "ftp://example.com"),
        ("COUPONTOOLS_CLIENT_SECRET", f"{SECRET}\n"),
        ("COUPONTOOLS_START_DATE", "soon"),
        ("COUPONTOOLS_CONCURRENCY", "0"),
        ("COUPONTOOLS_REQUESTS_PER_SECOND", "-1"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    assert f"{variable} is wrong: " in one_line_error(run_command("export", **{**ACCOUNT, variable: value}))


def test_wrong_keys_are_said_to_be_wrong(serve: Serve) -> None:
    serve(account())
    error = one_line_error(run_command("export", COUPONTOOLS_CLIENT_SECRET=SECRET))
    assert "Check COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET." in error


@pytest.mark.parametrize("command", ["webhooks", "sandbox"])
@pytest.mark.parametrize("host", ["", "h\udcff"])
def test_what_listens_does_so_at_no_address_that_nobody_has_named(command: str, host: str) -> None:
    refused = run_command(command, "--host", host)
    assert refused.code == 2
    assert "'--host': should be a name or an address" in refused.errors


@pytest.mark.parametrize("speed", ["nan", "inf", "-1", "1e300"])
def test_the_clock_of_the_sandbox_has_no_speed_that_no_clock_can_have(speed: str) -> None:
    refused = run_command("sandbox", "--speed", speed)
    assert refused.code == 2
    assert "'--speed'" in refused.errors


def test_an_unreachable_host_is_said_to_be_unreachable() -> None:
    assert "127.0.0.1:9 cannot be reached" in one_line_error(run_command("export", **ACCOUNT))


def test_a_folder_that_cannot_be_written_is_named(serve: Serve, tmp_path: Path) -> None:
    serve(account())
    (tmp_path / "file").write_text("")
    error = one_line_error(run_command("export", COUPONTOOLS_DATA_DIR=str(tmp_path / "file" / "data")))
    assert f"{tmp_path}/file/data cannot be written" in error
    assert "COUPONTOOLS_DATA_DIR" in error


@pytest.mark.parametrize("bytes_of_a_file", [400_000])
def test_a_disk_that_takes_no_more_is_named_and_what_was_published_stays(
    serve: Serve, tmp_path: Path, bytes_of_a_file: int
) -> None:
    made = account({1: 3})
    serve(made)
    export_sessions(date(2020, 1, 1), date(2026, 11, 1))
    made.set_sessions("cam_1", [session(number, user={"firstname": token_hex(100)}) for number in range(5000)])
    result = subprocess.run(
        [COMMAND, "export", "--to", "2026-11-01"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_of_a_file, bytes_of_a_file)),
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert result.returncode == 1
    assert errors
    for error in errors:
        assert str(tmp_path / "data") in error
        assert "Make room, or raise the limit of the size of files (ulimit -f)" in error
    assert in_database(tmp_path / "data", "SELECT count(*) FROM coupon_sessions") == [(3,)]
    export_sessions(date(2020, 1, 1), date(2026, 11, 1))
    assert in_database(tmp_path / "data", "SELECT count(*) FROM coupon_sessions") == [(5000,)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "2026-02-01", "--to", "2026-01-01"), "starts on 2026-02-01, after it ends on 2026-01-01"),
        (("--from", "2999-01-01", "--to", "2999-02-01"), "starts on 2999-01-01, which has not begun"),
        (("--from", "2026-02-30"), "'2026-02-30' is not a date"),
        (("--to", "tomorrow"), "'tomorrow' is not a date"),
        (("--sideways",), "No such option"),
        (("--full", "--to", "2026-01-01"), "--full reads all days: leave out --from and --to."),
    ],
)
def test_a_wrong_range_is_refused_before_anything_is_read(arguments: tuple[str, ...], message: str) -> None:
    assert message in one_line_error(run_command("export", *arguments, **ACCOUNT), code=2)


def test_a_full_export_marks_what_was_deleted(serve: Serve, tmp_path: Path) -> None:
    made = account({1: 3})
    serve(made)
    export_only(campaigns, coupon_sessions, full=True)
    made.remove_campaign("cam_1")
    today = datetime.now(UTC).date().isoformat()
    result = run_command("export", "--full", COUPONTOOLS_START_DATE=today)
    assert result.code == 0, result.errors
    for table in ("campaigns", "coupon_sessions"):
        assert in_database(tmp_path / "data", f"SELECT count(*) FROM {table} WHERE _deleted_at IS NULL") == [(0,)]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--assume=session_page_size=none", "session_page_size: Input should be"),
        ("--assume=magic=1", "Known are"),
        ("--faults=fire:1", "unknown fault 'fire'"),
    ],
)
def test_a_wrong_option_of_the_sandbox_is_refused(option: str, message: str) -> None:
    assert message in one_line_error(run_command("sandbox", option), code=2)


def test_help_is_given_at_once_and_names_every_command() -> None:
    result = run_command("--help")
    assert result.code == 0
    for command in ("demo", "export", "sandbox"):
        assert f"\n  coupontools {command}" in result.output, "one line each"
    assert "..." not in result.output.partition("Commands:")[2], "nothing is cut off"


def test_the_bare_command_shows_the_help_as_it_is() -> None:
    result = run_command()
    assert (result.code, result.output) == (2, "")
    assert result.errors == run_command("--help").output


def test_check_says_what_is_right_and_what_is_wrong(serve: Serve, tmp_path: Path) -> None:
    serve(whole_account())
    good = run_command("check")
    assert good.code == 0
    assert good.output.count("ok ") == 4
    (tmp_path / "file").write_text("in the way")
    wrong = {"ENDED_CAMPAIGNS": "weekly ", "WEEKLY_DIGEST": "monday", "WEBHOOK_TOKEN": "short"}
    misset = run_command("check", **{f"COUPONTOOLS_{name}": value for name, value in wrong.items()})
    assert misset.code == 1
    for name in wrong:
        assert f"FAILED  COUPONTOOLS_{name} is wrong: " in misset.output
    keyless = run_command("check", COUPONTOOLS_PERSONAL_DATA="hash")
    assert keyless.code == 1
    assert "FAILED  COUPONTOOLS_PERSONAL_DATA_KEY is not set" in keyless.output
    bad = run_command("check", COUPONTOOLS_DATA_DIR=str(tmp_path / "file" / "data"), COUPONTOOLS_CLIENT_SECRET=SECRET)
    assert bad.code == 1
    assert bad.output.count("FAILED") == 2
    assert SECRET not in bad.output + bad.errors
    assert bad.errors == "Error: The set-up is not complete; see the lines marked FAILED.\n"


def test_check_shows_the_share_of_each_worker(serve: Serve) -> None:
    serve(account({1: 1}))
    limits = {"WORKERS": "3", "CONCURRENCY": "8", "REQUESTS_PER_SECOND": "15"}
    shared = run_command("check", **{f"COUPONTOOLS_{name}": value for name, value in limits.items()})
    assert "ok      each of the 3 workers sends at most 2 requests at the same time and 5 a second\n" in shared.output


@pytest.mark.parametrize("days", [-1, 1])
def test_check_warns_of_a_clock_that_is_not_that_of_the_api(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    serve(account({1: 1}))
    assert "warn " not in run_command("check").output
    MachineClock(monkeypatch).ahead = timedelta(days=days)
    assert "warn    The clock of this machine says 2" in run_command("check").output


class Terminal(io.StringIO):
    """An output that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_no_color_is_honoured(serve: Serve, monkeypatch: pytest.MonkeyPatch, no_color: str, is_coloured: bool) -> None:
    serve(account())
    terminal = Terminal()
    monkeypatch.setattr(sys, "argv", ["coupontools", "check"])
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert run() == 0
    assert ("\x1b[" in terminal.getvalue()) == is_coloured


@pytest.mark.parametrize("command", ["check", "export"])
def test_a_misspelt_variable_is_warned_of(command: str) -> None:
    result = run_command(command, **ACCOUNT, COUPONTOOLS_PERSONALDATA="hash", COUPONTOOLS_CRON="daily")
    lines = (result.output + result.errors).splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines if "no effect" in line] == [
        "COUPONTOOLS_CRON is no variable of the export, and has no effect.",
        "COUPONTOOLS_PERSONALDATA is no variable of the export, and has no effect: is COUPONTOOLS_PERSONAL_DATA meant?",
    ]


@pytest.mark.parametrize("command", ["check", "export"])
def test_keys_that_leave_without_encryption_are_warned_of_in_one_line(command: str) -> None:
    result = run_command(command, **ACCOUNT | {"COUPONTOOLS_API_URL": "http://nowhere.invalid"})
    (warning,) = (line for line in (result.output + result.errors).splitlines() if "http://" in line)
    assert "COUPONTOOLS_API_URL is http://: anybody on the network path to nowhere.invalid can read the keys" in warning


@pytest.mark.parametrize("command", ["check", "export"])
def test_a_key_for_personal_data_that_can_be_guessed_is_warned_of(command: str) -> None:
    for key, warnings in (("abc", 1), ("a secret that nobody knows", 0)):
        result = run_command(command, **ACCOUNT, COUPONTOOLS_PERSONAL_DATA_KEY=key)
        warning = "COUPONTOOLS_PERSONAL_DATA_KEY has fewer than 16 characters"
        assert (result.output + result.errors).count(warning) == warnings


def test_the_probe_counts_the_records_of_a_page_that_do_not_fit_too(serve: Serve) -> None:
    made = HandmadeAccount(campaigns=[campaign(1)])
    made.add_sessions("cam_1", session(1), session(2, sequenceid="odd"))
    serve(made)
    assert "counts the page, or all pages of a list of one (2 records)" in run_command("check", "--probe").output


def test_the_probe_shows_what_holds_and_no_value(serve: Serve) -> None:
    made = whole_account()
    made.add_sessions("cam_1", session(5000, brand_new="hush", user={"email": "hush@example.com", "jan@x.be": 1}))
    made.put_record("subaccounts", {"ID": "sub_2", "expiry_date": "hush"})
    server = serve(made)
    server.faults.add(Fault("wrong_shape", path="v3/category/list", times=None))
    server.faults.add(Fault("404", path="v3/directory/campaigns", times=None))
    result = run_command("check", "--probe")
    assert result.code == 0, result.errors
    output = result.output
    for path in {endpoint.path for endpoint in READABLE - {WEBHOOK_VERIFICATION}}:
        assert f"  {path} [" in output
    assert "v3/loyalty/list [not read]: 2 records under loyaltycards" in output
    assert "v4/loyalty/loyalty-cards [read for loyalty_cards]: 2 records without a key" in output
    assert "in a shape that is not known: [3 x text]" in output
    assert "The API does not have v3/directory/campaigns (HTTP 404)" in output
    assert "fields without a column: brand_new (text), user.<key> (number)" in output
    assert "records that do not fit: expiry_date: Input should be a date written YYYY-MM-DD (1 times)" in output
    assert "v3/campaign/data filters by created_at: holds" in output
    assert "directoryusers/list is newest first: holds" in output
    assert "loyalty cards have the same ids in v3 and v4: holds" in output
    assert not writing_paths(server)
    values = ["hush", "example.com", "Peeters", "Title", "cam_1 ", "Ann", "+4477", "ndoh57", "1990-02-28", "Brüssel"]
    assert not [value for value in values if value in output + result.errors]
    assert len(server.requests) < 60
