"""Kills workers with their runs in every phase of backfills through Dagster, and counts what is lost, doubled or torn.

uv run --group cluster python -m tests.benchmarks.backfill_kills --kills 20
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from pipelines.cluster.demo import HOSTS, open_cluster
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from tests.support.backfill_kills import PHASES, KilledBackfill
from tests.support.network import connect
from tests.support.ports import find_free_port
from tests.support.years import DAYS_OF_A_RANGE, Year

SLOW = Fault("stall", path="v3/campaign/*", times=None, seconds=1)
"""So that a run reads for some seconds."""


def main() -> None:
    """Print a line for each kill, and the sums at the end; the exit code says whether something was lost or torn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    account, begun = HandmadeAccount(), time.monotonic()
    with (
        TemporaryDirectory(prefix="kills-") as name,
        connect(*HOSTS) as network,
        SandboxServer(account, host=network.address) as server,
        open_cluster(Path(name), server, find_free_port(), network, DAYS_OF_A_RANGE) as cluster,
    ):
        os.environ |= {**cluster.workers[HOSTS[0]].variables, "COUPONTOOLS_DATA_DIR": f"{name}/reader"}
        with dg.DagsterInstance.from_config(str(cluster.hosts[0].dagster_home)) as instance:
            hosts = KilledBackfill(cluster, instance, account, Year(given.days), random.Random(given.seed))
            hosts.export()
            server.faults.add(SLOW)
            with hosts.read_in_a_loop():
                _kill(hosts, given.kills)
    phases = dict(Counter(kill.phase for kill in hosts.kills))
    print(f"kills {phases}, reads {dict(hosts.reads)}, {time.monotonic() - begun:.0f} s")  # noqa: T201
    sys.exit(bool(hosts.reads["torn"]))


def _kill(hosts: KilledBackfill, number: int) -> None:
    """Launch backfills, and kill workers in each phase by turns, until so many have been killed."""
    while len(hosts.kills) < number:
        hosts.begin()
        while len(hosts.kills) < number:
            begun = time.monotonic()
            kill = hosts.kill_in(PHASES[len(hosts.kills) % len(PHASES)])
            if not kill:
                break
            hosts.cluster.workers[kill.host].launch()
            seconds = f"{time.monotonic() - begun:>6.1f} s"
            print(f"{len(hosts.kills):>3}  {kill.phase:<8}{kill.host:<7}{seconds}  {kill.what}", flush=True)  # noqa: T201
        begun, rows = time.monotonic(), hosts.finish()
        took = f"{time.monotonic() - begun:.1f} s later"
        print(f"     revision {hosts.revision}: {rows:,} rows, all as in the account, {took}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
