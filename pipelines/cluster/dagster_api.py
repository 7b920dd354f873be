"""A client of Dagster's GraphQL API: launches runs and backfills, and reads their states."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
import httpx

from assets.partitions import describe_partitions

LOCATION = "pipelines.definitions"
ASSET_JOB = "__ASSET_JOB"
"""The job of whatever assets are chosen."""

_RUNS = (
    "{ runsOrError(limit: 500) { ... on Runs { results { runId jobName status startTime endTime "
    "tags { key value } assetSelection { path } } } } }"
)
_BACKFILL = (
    "mutation($given: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $given) "
    "{ __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"
)
_RUN = (
    "mutation($given: ExecutionParams!) { launchRun(executionParams: $given) "
    "{ __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } "
    "... on RunConfigValidationInvalid { errors { message } } } }"
)


@dataclass(frozen=True)
class Run:
    """A run, as far as it has come."""

    id: str
    status: str
    what: str
    """Its job, or the assets that were chosen."""
    days: str
    """Its partitions; empty if it has none."""
    backfill: str
    seconds: float

    @property
    def has_ended(self) -> bool:
        """Whether it has succeeded, failed or been cancelled."""
        return self.status in ("SUCCESS", "FAILURE", "CANCELED")

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Run":
        """Read a run from the webserver's answer."""
        tags = {tag["key"]: tag["value"] for tag in answer["tags"]}
        assets = ", ".join(sorted(key["path"][-1] for key in answer["assetSelection"] or []))
        return cls(
            id=answer["runId"],
            status=answer["status"],
            what=assets if answer["jobName"] == ASSET_JOB else answer["jobName"],
            days=describe_partitions(tags),
            backfill=tags.get("dagster/backfill", ""),
            seconds=(answer["endTime"] or 0) - (answer["startTime"] or 0),
        )


class DagsterApi:
    """The webserver at an address."""

    def __init__(self, url: str) -> None:
        """`url` is for example `http://127.0.0.1:3000`; no request is sent yet."""
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Send a query of one field, and return the value of that field. Raises click.ClickException for an error."""
        answer = self._client.post("/graphql", json={"query": query, "variables": variables}).json()
        if "errors" in answer:
            raise click.ClickException(f"Dagster refuses: {answer['errors'][0]['message']}")
        (value,) = answer["data"].values()
        return dict(value)

    def launch_backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """Launch a backfill of partitions; returns its id."""
        selection = {"assetSelection": [{"path": [asset]} for asset in assets], "partitionNames": list(partitions)}
        return str(self._launch(_BACKFILL, "LaunchBackfillSuccess", selection)["backfillId"])

    def launch_job(self, job: str, tags: Mapping[str, str] | None = None) -> str:
        """Launch a run of a job, whose tags may name partitions; returns its id."""
        return self._launch_run({"jobName": job}, tags or {})

    def launch_assets(self, assets: Sequence[str]) -> str:
        """Launch a run of assets without partitions; returns its id."""
        chosen = {"jobName": ASSET_JOB, "assetSelection": [{"path": [asset]} for asset in assets]}
        return self._launch_run(chosen, {})

    def _launch_run(self, what: Mapping[str, object], tags: Mapping[str, str]) -> str:
        given = {
            "selector": {"repositoryName": "__repository__", "repositoryLocationName": LOCATION, **what},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        return str(self._launch(_RUN, "LaunchRunSuccess", given)["run"]["runId"])

    def _launch(self, query: str, success: str, given: Mapping[str, object]) -> dict[str, Any]:
        launched = self.ask(query, given=given)
        if launched["__typename"] != success:
            raise click.ClickException(f"Dagster does not launch it: {launched}")
        return launched

    def runs(self) -> list[Run]:
        """Return the newest runs, the newest first."""
        return [Run.of(answer) for answer in self.ask(_RUNS)["results"]]

    def wait_for(self, run_id: str, seconds: float) -> None:
        """Wait for the end of a run. Raises click.ClickException if it fails, or takes longer."""
        self._wait_for(lambda run: run.id == run_id, 1, seconds)

    def wait_for_backfill(self, backfill: str, number: int, seconds: float) -> None:
        """Wait for the end of a backfill, of that many runs. Raises click.ClickException as `wait_for` does."""
        self._wait_for(lambda run: run.backfill == backfill, number, seconds)

    def _wait_for(self, is_one: Callable[[Run], bool], number: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while len(ended := [run for run in self.runs() if is_one(run) and run.has_ended]) < number:
            if time.monotonic() > deadline:
                raise click.ClickException(f"A run that was launched in Dagster has not ended after {seconds:.0f} s.")
            time.sleep(1)
        for run in ended:
            if run.status != "SUCCESS":
                raise click.ClickException(f"The run {run.id} of {run.what} has failed: Dagster's page says why.")
