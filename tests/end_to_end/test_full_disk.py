"""A disk that takes no more, in a small file system of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import duckdb
import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import START, session
from tests.support.processes import FROM, TO, expected, in_duckdb, in_files, left_over, revise
from tests.support.runs import export_all

COMMAND = Path(sys.executable).with_name("coupontools")
ROOMY = 2**28


class Disk:
    """A file system in memory, which only the processes see that are started `inside`."""

    def __init__(self, shell: "subprocess.Popen[str]", mounted_on: Path) -> None:
        self._shell, self.mounted_on = shell, mounted_on
        self.inside = ("nsenter", f"--target={shell.pid}", "--user", "--mount", "--preserve-credentials", "--")

    @property
    def outside(self) -> Path:
        """The way there for other processes, which DuckDB cannot go."""
        return Path(f"/proc/{self._shell.pid}/root{self.mounted_on}")

    def resize(self, size: int) -> None:
        """Make it larger or smaller."""
        self._run(f"mount -o remount,size={size} '{self.mounted_on}'")

    def mount(self) -> bool:
        """Whether this machine lets it be mounted."""
        return self._run(f"mount -t tmpfs -o size={ROOMY} tmpfs '{self.mounted_on}'")

    def used(self) -> int:
        """The bytes that are taken."""
        status = os.statvfs(self.outside)
        return (status.f_blocks - status.f_bfree) * status.f_frsize

    def _run(self, command: str) -> bool:
        assert self._shell.stdin
        assert self._shell.stdout
        try:
            self._shell.stdin.write(f"{command} && echo done || echo failed\n")
            self._shell.stdin.flush()
        except BrokenPipeError:
            return False
        return self._shell.stdout.readline() == "done\n"


@contextmanager
def small_disk(mounted_on: Path) -> Iterator[Disk]:
    mounted_on.mkdir()
    with subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--mount", "sh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as shell:
        yield Disk(shell, mounted_on)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as disk:
        if not disk.mount():
            pytest.skip("no file system can be mounted without privileges here")
        yield disk


def export_inside(disk: Disk, data_dir: Path) -> "subprocess.CompletedProcess[str]":
    """Export to the disk."""
    return subprocess.run(
        [*disk.inside, COMMAND, "export", "--from", FROM.isoformat(), "--to", TO.isoformat()],
        env={**os.environ, "COUPONTOOLS_DATA_DIR": str(data_dir)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=180,
        check=False,
    )


@contextmanager
def copied(disk: Disk) -> Iterator[Path]:
    """What is on the disk, where it can be read."""
    with TemporaryDirectory() as copy:
        yield shutil.copytree(disk.outside / "data", Path(copy) / "data", symlinks=True)


def stopped_in(data_dir: Path) -> str:
    """The step in which the sessions of the second revision are."""
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb"), read_only=True) as connection:
        if connection.execute("SELECT 1 FROM coupon_sessions WHERE custom_id = 'r2' LIMIT 1").fetchall():
            return "publish"
    return "merge" if list((data_dir / ".state" / "batches").glob("*/*.slices.json")) else "batch"


def test_a_full_disk_is_reported_and_leaves_what_was_published(serve: Serve, data_dir: Path, disk: Disk) -> None:
    account = HandmadeAccount()
    revise(account, 1)
    serve(account)
    export_all(start=str(FROM), end=str(TO))
    shutil.copytree(data_dir, disk.outside / "data", symlinks=True)
    data_dir = disk.mounted_on / "data"
    used = disk.used()
    large = [
        session(20_000 + n, created=START, customid="r2", user={"firstname": token_hex(800)}) for n in range(2_500)
    ]
    account.set_sessions("cam_0", large)
    for step, room in (("batch", 1_000_000), ("merge", 5_500_000), ("publish", 11_500_000)):
        disk.resize(used + room)
        exported = export_inside(disk, data_dir)
        assert exported.returncode == 1
        errors = [line for line in exported.stderr.splitlines() if line.startswith("Error: ")]
        assert errors
        for error in errors:
            assert str(data_dir) in error
            assert "No space left on device" in error
            assert "Make room" in error
        with copied(disk) as copy:
            assert stopped_in(copy) == step
            assert in_duckdb(copy) == in_files(copy) == expected(1)
    disk.resize(ROOMY)
    exported = export_inside(disk, data_dir)
    assert exported.returncode == 0, exported.stderr
    with copied(disk) as copy:
        state = in_duckdb(copy)
        assert in_files(copy) == state
        assert not left_over(copy)
    assert [row[0] for row in state.rows["coupon_sessions"] if row[-1] == "r2"] == [
        record["session"] for record in large
    ]
