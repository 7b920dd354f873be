"""Kills hosts that export into one lake, in every phase, and counts what is lost, doubled, or seen in part.

uv run --group cluster python -m tests.benchmarks.kills --kills 20
"""

import argparse
import os
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.cluster.services import run_services
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.server import SandboxServer
from tests.support.host_kills import PHASES, KilledHosts
from tests.support.lakes import make_lake
from tests.support.runs import served_at


def main() -> None:
    """Print a line for each kill, and the sums at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    account = HandmadeAccount()
    with (
        TemporaryDirectory(prefix="kills-") as name,
        run_services(Path(name, "services")) as services,
        SandboxServer(account) as server,
    ):
        os.environ |= {**make_lake(services), **served_at(server)}
        hosts = KilledHosts(Path(name), account, server, random.Random(given.seed))
        hosts.begin()
        with hosts.read_in_a_loop():
            while hosts.kills.total() < given.kills:
                phase, begun = PHASES[hosts.revision % len(PHASES)], time.monotonic()
                hosts.kill_in(phase)
                seen = f"{hosts.reads.total():>4} whole states read, {len(hosts.torn)} others"
                print(f"{hosts.kills.total():>3}  {phase:<8}{time.monotonic() - begun:>6.1f} s{seen}", flush=True)  # noqa: T201
        print(f"kills {dict(hosts.kills)}, all rows there after each, none twice")  # noqa: T201


if __name__ == "__main__":
    main()
