"""The lock between processes: each waits for those who came before it, and for nobody else."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resources.file_lock import FileLock
from resources.warehouse.local.folder import Folder

pytestmark = pytest.mark.files

TAKE_TURNS = """
import sys, time
from pathlib import Path
from resources.warehouse.local.folder import Folder
from resources.file_lock import FileLock

print("ready", flush=True)
sys.stdin.readline()
for turn in range(int(sys.argv[2])):
    asked = time.monotonic()
    with Folder(Path(sys.argv[1])).lock("writer"):
        print(asked, time.monotonic(), flush=True)
        time.sleep(float(sys.argv[3]))
"""
Start = Callable[[int, float], "subprocess.Popen[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.make()
    return folder


@pytest.fixture
def start(folder: Folder) -> Start:
    def start(turns: int, seconds: float) -> "subprocess.Popen[str]":
        arguments = [sys.executable, "-c", TAKE_TURNS, str(folder.root), str(turns), str(seconds)]
        return subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    return start


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def test_nobody_is_overtaken_again_and_again(start: Start) -> None:
    processes = [start(6, 0.05) for _ in range(6)]
    for process in processes:
        assert line(process) == "ready\n"
    for process in processes:
        go(process)
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    turns = [tuple(map(float, line.split())) for text in outputs for line in text.splitlines()]
    assert len(turns) == 36
    overtaken = [sum(queued > turn[0] and got < turn[1] for queued, got in turns) for turn in turns]
    assert max(overtaken) <= 10, "those who wait in vain see 25 others pass"


def test_neither_a_dead_holder_nor_a_dead_waiter_keeps_others_waiting(folder: Folder, start: Start) -> None:
    holder, first, second = (start(1, 60 if number == 0 else 0) for number in range(3))
    for process in (holder, first, second):
        assert line(process) == "ready\n"
        go(process)
        if process is holder:
            assert line(holder)
    first.kill()
    holder.kill()
    assert line(second)
    for process in (holder, first, second):
        process.communicate(timeout=10)
    with folder.lock("writer"):
        assert {path.name for path in folder.state.iterdir()} == {"batches", "writer.lock", "writer.queue"}


def test_a_signal_ends_the_wait(folder: Folder, start: Start) -> None:
    with folder.lock("writer"):
        process = start(1, 0)
        assert line(process) == "ready\n"
        go(process)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(2) != 0
        process.communicate()


def test_a_lock_whose_file_was_deleted_is_taken_anew(folder: Folder, start: Start) -> None:
    process = start(1, 0)
    assert line(process) == "ready\n"
    with folder.lock("writer"):
        go(process)
        time.sleep(0.2)
        (folder.state / "writer.lock").unlink()
    assert line(process)
    assert (folder.state / "writer.lock").exists()
    process.communicate(timeout=10)


def test_a_lock_that_is_tried_is_taken_only_while_nobody_holds_it(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "owner.lock"), FileLock(tmp_path / "owner.lock")
    assert first.try_now()
    assert not second.try_now()
    (tmp_path / "owner.lock").unlink()
    assert second.try_now(), "the lock on a deleted file guards nothing"
    first.release()
    third = FileLock(tmp_path / "owner.lock")
    assert not third.try_now()
    second.release()
    assert third.try_now()


def test_a_link_in_the_place_of_a_lock_is_refused_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "owner.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        FileLock(tmp_path / "owner.lock").try_now()
    assert not (tmp_path / "elsewhere").exists()
