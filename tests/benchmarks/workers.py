"""Backfills days through Dagster with two workers and with one by turns: seconds, and those of a run.

uv run --group cluster python -m tests.benchmarks.workers --runs 6 --seconds-per-answer 1

The days are exported by the command before, so that each backfill finds the same rows. Both hosts and all servers share
this machine: what two workers divide among them is the time in which the API is waited for.
"""

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.cluster.demo import HOSTS, Cluster, open_cluster
from pipelines.export import export_days
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from tests.support.ports import find_free_port

DAYS_PER_RUN = 31
MAX_SECONDS = 1800.0


def main() -> None:
    """Print a line for each backfill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=6, help="of a backfill, each of a month")
    parser.add_argument("--seconds-per-answer", type=float, default=1.0, help="of the API, for campaigns")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    last = datetime.now(UTC).date() - timedelta(days=1)
    days = [last - timedelta(days=day) for day in reversed(range(given.runs * DAYS_PER_RUN))]
    with (
        TemporaryDirectory(prefix="workers-") as name,
        SandboxServer(GeneratedAccount(sessions=given.sessions)) as server,
        open_cluster(Path(name), server, find_free_port(), days_per_run=DAYS_PER_RUN) as cluster,
    ):
        os.environ |= {**cluster.workers[HOSTS[0]].variables, "COUPONTOOLS_DATA_DIR": f"{name}/command"}
        export_days(days[0], days[-1])
        server.faults.add(Fault("stall", path="v3/campaign/*", times=None, seconds=given.seconds_per_answer))
        for _ in range(given.rounds):
            _backfill(cluster, days, "two workers")
            other = cluster.workers[HOSTS[1]]
            other.stop()
            _backfill(cluster, days, "one worker")
            other.start()


def _backfill(cluster: Cluster, days: Sequence[date], what: str) -> None:
    begun, number = time.monotonic(), -(-len(days) // DAYS_PER_RUN)
    backfill = cluster.dagster.launch_backfill(["coupon_sessions", "coupon_session_changes"], list(map(str, days)))
    cluster.dagster.wait_for_backfill(backfill, number, MAX_SECONDS)
    runs = [run.seconds for run in cluster.dagster.runs() if run.backfill == backfill]
    seconds = f"{time.monotonic() - begun:.0f} s, a run {statistics.median(runs):.1f} s"
    print(f"{what}: {len(runs)} runs, {seconds}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
