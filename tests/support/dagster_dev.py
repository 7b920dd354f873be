"""A real `dagster dev` with its daemon, on a sandbox, asked through GraphQL."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

import pipelines
from pipelines.cluster.dagster_api import DagsterApi
from tests.support.ports import find_free_port

RECOMMENDED = Path(pipelines.__path__[0]) / "dagster.yaml"


class DagsterDev(DagsterApi):
    """Dagster's webserver and daemon, asked through GraphQL."""

    def backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> None:
        """Launch a backfill of assets that one function fills, and wait until its only run has succeeded."""
        # the daemon calls the backfill itself complete up to half a minute later
        self.wait_for_backfill(self.launch_backfill(assets, partitions), number=1, seconds=900)

    def states_of(self, what: str) -> list[str]:
        """The states of the runs of a job, or of chosen assets alone."""
        return [run.status for run in self.runs() if run.what == what]

    def partitions(self, asset: str) -> list[str]:
        """The keys of an asset's partitions."""
        query = (
            "query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } } }"
        )
        return list(self.ask(query, key={"path": [asset]})["partitionKeys"])


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    """Ask every second whether something is so, and fail if it never is."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} seconds"
        time.sleep(1)


@contextmanager
def dagster_dev(home: Path) -> Iterator[DagsterDev]:
    """Start it with the recommended instance in `home` and the environment of this process; end all of it."""
    home.mkdir()
    shutil.copy(RECOMMENDED, home)
    port = find_free_port()
    command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-m", "pipelines.definitions"],
            env=os.environ | {"DAGSTER_HOME": str(home), "PYTHONWARNINGS": "ignore"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    dev = DagsterDev(f"http://127.0.0.1:{port}")

    def is_loaded() -> bool:
        assert process.poll() is None, (home / "log").read_text()
        try:
            return dev.partitions("coupon_sessions") != []
        except (httpx.HTTPError, ValueError, KeyError):
            return False

    try:
        wait_until(is_loaded, seconds=300)
        yield dev
    finally:
        dev.close()
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
