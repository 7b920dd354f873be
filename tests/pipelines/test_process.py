"""The command in a hostile process: deaf readers, ignored signals, an odd locale, too little memory."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resources.sandbox.server.faults import Fault
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.queries import in_database

COMMAND = Path(sys.executable).with_name("coupontools")
DAYS = ("--from", "2026-01-01", "--to", "2026-11-01")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which `coupontools` is the command; pipes fail if any part of them fails."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line.replace('coupontools', str(COMMAND))}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _ignore_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("redirected", ["<&- >&- 2>&-", ">/dev/full 2> >(true)"])
def test_an_export_is_published_whoever_reads_what_it_says_in_a_folder_of_any_name_and_in_any_locale(
    serve: Serve, tmp_path: Path, redirected: str
) -> None:
    serve(account({1: 3}))
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    folder = tmp_path / "dätä-データ"
    result = shell(f"coupontools export {' '.join(DAYS)} {redirected}", COUPONTOOLS_DATA_DIR=str(folder), **locale)
    assert result.returncode == 0, result.stdout + result.stderr
    assert in_database(folder, "SELECT count(*) FROM coupon_sessions") == [(3,)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("coupontools --version >&-", 0),
        ("coupontools dictionary | head -1", 0),
        ("coupontools dictionary >/dev/full", 1),
        ("coupontools export --sideways 2>&-", 2),
    ],
)
def test_the_exit_code_says_what_was_done(line: str, code: int) -> None:
    result = shell(line)
    assert result.returncode == code, result.stderr
    errors = ["Error: The dictionary cannot be written to standard output: No space left on device."]
    assert result.stderr.splitlines() == (errors if code == 1 else [])


def test_sigterm_ends_an_export_that_was_started_with_sigint_ignored(serve: Serve, data_dir: Path) -> None:
    serve(account({1: 3})).faults.add(Fault("stall", path="v3/campaign/data", seconds=60, times=None))
    process = subprocess.Popen([COMMAND, "export", *DAYS], preexec_fn=_ignore_sigint, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    assert process.stderr.readline().startswith("campaigns: ")
    process.terminate()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("Error: The run was interrupted. ")
    assert not (data_dir / "coupontools.duckdb").exists()


@pytest.mark.parametrize("is_nohup", [False, True])
def test_the_end_of_its_terminal_ends_an_export_unless_nohup_started_it(
    serve: Serve, data_dir: Path, is_nohup: bool
) -> None:
    serve(account({1: 3})).faults.add(Fault("stall", path="v3/campaign/data", seconds=2))
    command = [*(["nohup"] if is_nohup else []), str(COMMAND), "export", *DAYS]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    assert any(line.startswith("campaigns: ") for line in process.stderr)
    for _ in range(2):  # of the kernel, and of the shell
        process.send_signal(signal.SIGHUP)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (0 if is_nohup else 130)
    assert ("Error: The run was interrupted. " in errors) != is_nohup
    assert (data_dir / "coupontools.duckdb").exists() == is_nohup


def test_sigterm_ends_a_sandbox_that_was_started_with_sigint_ignored() -> None:
    with subprocess.Popen(
        [COMMAND, "sandbox", "--sessions", "100"], preexec_fn=_ignore_sigint, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        server.stdout.readline()
        server.terminate()
        assert server.stdout.read().splitlines()[-1] == "Sandbox ended."
    assert server.returncode == 0


def test_too_little_memory_is_said_before_anything_is_done(data_dir: Path) -> None:
    result = subprocess.run(
        [COMMAND, "check"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)),
        capture_output=True,
        text=True,
        check=False,
    )
    message = "Error: The process may reserve 1.0 GiB of memory (ulimit -v), the export needs 4: raise the limit.\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", message)
    assert not data_dir.exists()


def test_a_port_that_is_taken_is_named(serve: Serve) -> None:
    port = serve(account()).url.rpartition(":")[2]
    result = shell(f"coupontools sandbox --sessions 100 --port {port}")
    assert result.returncode == 1
    assert result.stderr == f"Error: Port {port} of 127.0.0.1 cannot be taken: Address already in use.\n"
