"""Runs that are killed: what is published stays whole, and the next run does only what the dead one had not done."""

import json
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

from resources.account_fingerprint import ACCOUNT
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.admission import adopt
from resources.warehouse.local.checkpoint import undo_unfinished_checkpoint
from resources.warehouse.origin import Origin
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.forked import Forked
from tests.support.processes import FROM, TO, State, expected, in_duckdb, in_files, left_over, revise, start_export
from tests.support.runs import export_all, served

Reached = Callable[[], bool]
Moment = Callable[["Scene"], Reached]
"""Called when a process has started, it gives what says whether the moment has come to kill it."""
Asked = tuple[object, ...]


@dataclass
class Scene:
    """A folder with an account whose revision `revision` is published in it."""

    data_dir: Path
    account: HandmadeAccount
    server: SandboxServer
    revision: int = 1
    published: list[str] = field(default_factory=list)
    """What was found published after each kill, the state before or after."""


def after_requests(number: int) -> Moment:
    """When the server has answered so many requests."""

    def begin(scene: Scene) -> Reached:
        before = len(scene.server.requests)
        return lambda: len(scene.server.requests) >= before + number

    return begin


def once_there(pattern: str) -> Moment:
    """When a file or folder of that name has come, or another in its place."""

    def begin(scene: Scene) -> Reached:
        before = _entries(scene.data_dir, pattern)
        return lambda: not _entries(scene.data_dir, pattern) <= before

    return begin


def once_merged(scene: Scene) -> Reached:
    """When a run has merged the sessions: it has a lock of its own, and their batch is deleted."""
    state = scene.data_dir / ".state"
    before = _entries(state, "run-*.lock")
    return lambda: not _entries(state, "run-*.lock") <= before and not any((state / "batches").iterdir())


def _entries(folder: Path, pattern: str) -> set[tuple[Path, int]]:
    inodes = set()
    for path in folder.glob(pattern):
        try:
            inodes.add((path, path.lstat().st_ino))
        except FileNotFoundError:
            continue
    return inodes


def after_seconds(seconds: float) -> Moment:
    """When the process is so old."""

    def begin(_scene: Scene) -> Reached:
        at = time.monotonic() + seconds
        return lambda: time.monotonic() >= at

    return begin


def live_through(scene: Scene, moments: Sequence[Moment]) -> None:
    """Change the account, kill a run at each of the moments, and let one come to its end.

    What the dead ones had put down as complete is asked for by none that follows.
    """
    revise(scene.account, scene.revision + 1)
    before, after = expected(scene.revision), expected(scene.revision + 1)
    complete: set[Asked] = set()
    for moment in moments:
        process, begun = start_export(scene.data_dir), time.monotonic()
        _kill(process, moment(scene))
        scene.published.append(_which(scene.data_dir, before, after))
        assert not _session_slices(scene.server, begun) & complete
        left = _complete_slices(scene.data_dir)
        has_ended = not left and scene.published[-1] == "after/after"
        assert has_ended or left >= complete
        complete = left
    scene.server.faults.clear()
    begun = time.monotonic()
    export_all(start=str(FROM), end=str(TO))
    assert not _session_slices(scene.server, begun) & complete, "what a dead run had is asked for again"
    assert in_duckdb(scene.data_dir) == after
    assert in_files(scene.data_dir) == after
    assert not left_over(scene.data_dir)
    scene.revision += 1


def _kill(process: Forked, reached: Reached) -> None:
    while not (process.has_ended or reached()):
        time.sleep(0.001)
    process.kill()


def _which(data_dir: Path, before: State, after: State) -> str:
    """Which complete states a reader finds; fails if it is neither the one before nor the one after."""
    names = []
    for state in (in_duckdb(data_dir), in_files(data_dir)):
        assert state in (before, after)
        names.append("before" if state == before else "after")
    return "/".join(names)


def _complete_slices(data_dir: Path) -> set[Asked]:
    """The session slices that the next run need not read: those in batches on disk, and those that were merged."""
    slices = _merged_slices(data_dir)
    for manifest in (data_dir / ".state" / "batches").glob("*/manifest.json"):
        for file in manifest.parent.glob("*.slices.json"):
            for slice_ in json.loads(file.read_bytes())["slices"]:
                if slice_["key"][0].startswith("v3/campaign/"):
                    slices.add(tuple(slice_["key"]))
    return slices


def _merged_slices(data_dir: Path) -> set[Asked]:
    """The session slices that dead runs have merged and not published, as a copy of the stage has them."""
    stage = data_dir / ".state" / "stage.duckdb"
    runs = [lock.stem.removeprefix("run-") for lock in stage.parent.glob("run-*.lock")]
    with TemporaryDirectory() as folder:
        for file in stage.parent.glob(f"{stage.name}*"):
            shutil.copy(file, folder)
        copy = Path(folder, stage.name)
        undo_unfinished_checkpoint(copy)
        with duckdb.connect(str(copy)) as connection:
            columns = "endpoint, parent, window_start, window_end"
            of_dead_runs = "starts_with(endpoint, 'v3/campaign/') AND list_contains(?, run_id)"
            query = f"SELECT {columns} FROM _state.completed_slices WHERE {of_dead_runs}"
            return set(connection.execute(query, [runs]).fetchall())


def _session_slices(server: SandboxServer, begun: float) -> set[Asked]:
    """The session slices that were asked for since a moment."""
    return {
        (entry.path, *(entry.parameters[name] for name in ("campaign", "start_date", "end_date")))
        for entry in server.requests
        if entry.began >= begun and entry.path.startswith("v3/campaign/")
    }


@pytest.fixture(scope="module")
def first_revision() -> Iterator[Path]:
    """A folder in which the first revision is published; the first account that comes takes it over."""
    account = HandmadeAccount()
    revise(account, 1)
    with TemporaryDirectory() as folder:
        with served(account, Path(folder)):
            export_all(start=str(FROM), end=str(TO))
        adopt(Warehouse(folder).engine, Origin(ACCOUNT))
        yield Path(folder)


@pytest.fixture
def scene(first_revision: Path, serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    shutil.copytree(first_revision, data_dir, symlinks=True)
    account = HandmadeAccount()
    revise(account, 1)
    server = serve(account)
    # so slow that the sessions come in several parts
    server.faults.add(Fault("stall", path="v3/campaign/*", times=None, seconds=0.1))
    monkeypatch.setenv("COUPONTOOLS_CONCURRENCY", "2")
    return Scene(data_dir, account, server)


PART = ".state/batches/*/000001.slices.json"


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([once_there(PART), after_requests(60), once_merged], id="while it reads"),
        pytest.param(
            [
                after_seconds(random.Random(1).uniform(0, 3)),
                once_there(".state/*.wal"),
                once_there(".snapshots/unfinished"),
                once_there("coupontools.duckdb"),
            ],
            id="while it merges and publishes",
        ),
    ],
)
def test_a_killed_run_leaves_a_complete_state_and_the_next_one_does_the_rest(
    scene: Scene, moments: Sequence[Moment]
) -> None:
    live_through(scene, moments)


def test_a_run_that_is_asked_to_end_does_so_in_one_line_and_publishes_nothing(scene: Scene) -> None:
    revise(scene.account, 2)
    for signal_number, requests in ((signal.SIGINT, 45), (signal.SIGTERM, 15)):
        process, reached = start_export(scene.data_dir), after_requests(requests)(scene)
        while not reached():
            assert not process.has_ended
            time.sleep(0.001)
        process.send_signal(signal_number)
        errors = process.finish(code=130)
        assert errors.count("Error: ") == 1
        assert "Error: The run was interrupted." in errors
        assert "Traceback" not in errors
        assert in_duckdb(scene.data_dir) == in_files(scene.data_dir) == expected(1)
    scene.server.faults.clear()
    export_all(start=str(FROM), end=str(TO))
    assert in_duckdb(scene.data_dir) == in_files(scene.data_dir) == expected(2)
    assert not left_over(scene.data_dir)


def test_private_files_that_are_deleted_in_mid_run_cost_no_published_row(scene: Scene) -> None:
    revise(scene.account, 2)
    process, reached = start_export(scene.data_dir), after_requests(25)(scene)
    while not reached():
        assert not process.has_ended
        time.sleep(0.001)
    shutil.rmtree(scene.data_dir / ".state")
    errors = process.finish(code=1)
    assert f"Error: The folder {scene.data_dir} cannot be written" in errors
    scene.server.faults.clear()
    export_all(start=str(FROM), end=str(TO))
    assert in_duckdb(scene.data_dir) == in_files(scene.data_dir) == expected(2)
    assert not left_over(scene.data_dir)
