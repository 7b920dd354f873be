"""A real `dagster dev` with its daemon, on a sandbox, asked through GraphQL."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import pipelines
from tests.support.ports import find_free_port

RECOMMENDED = Path(pipelines.__path__[0]) / "dagster.yaml"


@dataclass(frozen=True)
class DagsterDev:
    """Dagster's webserver and daemon, at `url`, and a client to ask them with."""

    url: str
    client: httpx.Client

    def ask(self, query: str, **variables: object) -> Any:
        """Ask the GraphQL API; returns what its one field holds."""
        answer = self.client.post(f"{self.url}/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    def backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> None:
        """Launch a backfill of assets that one function fills, and wait until its only run has succeeded."""
        launch = (
            "mutation($given: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $given) "
            "{ __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"
        )
        selection = {"assetSelection": [{"path": [asset]} for asset in assets], "partitionNames": list(partitions)}
        launched = self.ask(launch, given=selection)
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        # the daemon calls the backfill itself complete up to half a minute later
        wait_until(lambda: not {"SUCCESS", "FAILURE"}.isdisjoint(self.runs_of(*assets)), seconds=900)
        assert self.runs_of(*assets) == ["SUCCESS"]

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        query = "{ runsOrError { ... on Runs { results { jobName status assetSelection { path } } } } }"
        return list(self.ask(query)["results"])

    def runs_of(self, *assets: str) -> list[str]:
        """The states of the runs of these assets alone."""

        def is_of_these(run: dict[str, Any]) -> bool:
            return sorted(key["path"][0] for key in run["assetSelection"] or []) == sorted(assets)

        return [run["status"] for run in self.runs() if is_of_these(run)]

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
    dev = DagsterDev(f"http://127.0.0.1:{port}", httpx.Client(timeout=60))

    def is_loaded() -> bool:
        assert process.poll() is None, (home / "log").read_text()
        try:
            return "coupon_sessions" in str(dev.ask("{ assetNodes { assetKey { path } } }"))
        except (httpx.HTTPError, ValueError):
            return False

    try:
        wait_until(is_loaded, seconds=300)
        yield dev
    finally:
        dev.client.close()
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
