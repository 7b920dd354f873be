"""A backfill through Dagster on two hosts, whose workers are killed with their runs while it goes on."""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from pipelines.cluster.demo import Cluster
from pipelines.export import export_days
from resources.sandbox.account.handmade import HandmadeAccount
from resources.settings import SharedWarehouse
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.session import Session, lock_number
from resources.warehouse.lake.writer import WRITER
from tests.support.dagster_dev import wait_until
from tests.support.reading import read_tables, repeat
from tests.support.years import SHOWN, Year

PHASES = ("read", "merge", "publish")
ASSETS = ("coupon_sessions", "coupon_session_changes", "directory_registrations")
MAX_RETRIES = 3
"""How often Dagster runs a lost run again, as `dagster-cluster.yaml` says: one killed more often has failed."""

MAX_SECONDS = 900.0
SECONDS_BETWEEN_READS = 3.0
MAX_SECONDS_INTO_A_PHASE = 0.5
_FIRST = {"dagster/priority": "10"}
_PORT_OF_HOLDER = (
    "SELECT client_port FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND ((classid::BIGINT << 32) | objid::BIGINT) = %s"
)


@dataclass(frozen=True)
class Kill:
    """A worker that was killed, with its run."""

    phase: str
    host: str
    run_id: str
    what: str


@dataclass
class KilledBackfill:
    """The cluster, the account that its hosts export, and what was seen of it; the environment is that of a host."""

    cluster: Cluster
    instance: dg.DagsterInstance
    account: HandmadeAccount
    year: Year
    chance: random.Random
    revision: int = 0
    backfill: str = ""
    kills: list[Kill] = field(default_factory=list)
    reads: Counter[str] = field(default_factory=Counter)
    """How often a reader has found all tables whole, or `torn`."""

    def __post_init__(self) -> None:
        """Connect to the warehouse."""
        self._session = Session(LakeAddress.of(SharedWarehouse.read()))

    def export(self) -> None:
        """Export the first revision by the command, so that there is something to read, and to change."""
        self._revise()
        export_days(*self.year.bounds)

    def begin(self) -> None:
        """Change everything in the account, and launch a backfill of all of its days."""
        self._revise()
        self.backfill = self.cluster.dagster.launch_backfill(ASSETS, self.year.partitions)

    def kill_in(self, phase: str) -> Kill | None:
        """Kill the worker of a run in a phase; None once all days have been read, and so no run reads or merges."""
        deadline, wait = time.monotonic() + MAX_SECONDS, self.chance.uniform(0, MAX_SECONDS_INTO_A_PHASE)
        while phase == "publish" or not self.is_read():
            assert time.monotonic() < deadline, f"no run was in the phase {phase}"
            if phase == "publish" and not self._unfinished("publish"):
                self.cluster.dagster.launch_job("publish", _FIRST)
            for victim in self._runs_in(phase):
                time.sleep(wait)
                if victim in self._runs_in(phase):
                    self.cluster.workers[victim.host].kill()
                    self.kills.append(victim)
                    return victim
                wait = 0  # the phase was over sooner
            time.sleep(0.02)
        return None

    def is_read(self) -> bool:
        """Whether a run of the backfill has succeeded for each range of days."""
        succeeded = dg.RunsFilter(tags={"dagster/backfill": self.backfill}, statuses=[dg.DagsterRunStatus.SUCCESS])
        starts = {run.tags["dagster/asset_partition_range_start"] for run in self.instance.get_runs(succeeded)}
        return len(starts) == len(self.year.ranges)

    def finish(self) -> int:
        """Wait until all days were read, publish, and compare all rows with the account; returns how many there are."""
        wait_until(self.is_read, MAX_SECONDS)
        self.cluster.dagster.wait_for(self.cluster.dagster.launch_job("publish", _FIRST), MAX_SECONDS)
        rows = read_tables(SHOWN)
        revisions = self.year.revisions(rows)
        assert revisions == [(self.revision, self.revision)] * len(self.year.ranges), revisions
        return sum(map(len, rows.values()))

    @contextmanager
    def read_in_a_loop(self) -> Iterator[None]:
        """Read all tables over and over, in one transaction each time, as an analyst's query over several does."""

        def read() -> None:
            self.reads["torn" if self.year.revisions(read_tables(SHOWN)) is None else "whole"] += 1

        with repeat(read, SECONDS_BETWEEN_READS):
            yield

    def _revise(self) -> None:
        self.revision += 1
        self.year.revise(self.account, self.revision)

    def _unfinished(self, job: str) -> bool:
        statuses = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
        runs = self.instance.get_runs(dg.RunsFilter(job_name=job, statuses=statuses))
        return any(run.run_id not in self._killed for run in runs)

    @property
    def _killed(self) -> set[str]:
        return {kill.run_id for kill in self.kills}

    def _runs_in(self, phase: str) -> list[Kill]:
        """Find the runs in a phase that Dagster would run again."""
        started = self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        alive = [run for run in started if run.run_id not in self._killed]
        writing = self._host_that_writes() if alive else ""
        found = []
        for run in alive:
            host, retries = self.host_of(run), int(run.tags.get("dagster/retry_number", 0))
            if host and retries < MAX_RETRIES and self._phase_of(run, is_writing=host == writing) == phase:
                days = run.tags.get("dagster/asset_partition_range_start", "")
                what = f"{run.job_name.strip('_').lower()} {days} {'again' if retries else ''}".strip()
                found.append(Kill(phase, host, run.run_id, what))
        return found

    def _phase_of(self, run: dg.DagsterRun, *, is_writing: bool) -> str:
        if run.job_name == "publish":
            return "publish" if is_writing and self._publishes(run) else ""
        if run.tags.get("dagster/backfill") != self.backfill:
            return ""
        if is_writing:
            return "merge"
        events = (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS)
        begun, done = (len(self.instance.all_logs(run.run_id, of_type=event)) for event in events)
        return "read" if begun > done else ""

    def _publishes(self, run: dg.DagsterRun) -> bool:
        """Whether a run is past the checks."""
        return any("writing the database" in record.user_message for record in self.instance.all_logs(run.run_id))

    def host_of(self, run: dg.DagsterRun) -> str:
        """The host on which a run has its log; empty as long as none has it."""
        hosts = self.cluster.hosts
        return next((host.name for host in hosts if (host.dagster_home / "storage" / run.run_id).exists()), "")

    def _host_that_writes(self) -> str:
        """The host that holds the writer lock; empty if none of them does."""
        ports = self._session.query(_PORT_OF_HOLDER, [lock_number(WRITER)])
        workers = self.cluster.workers if ports else {}
        return next((name for name, worker in workers.items() if _has_connection(worker.pid, ports[0][0])), "")


def _has_connection(leader: int, port: int) -> bool:
    """Whether a process of a session, which the network of its leader is for, has a connection from a port."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if os.getsid(int(process.name)) == leader:
                lines = (line.split() for line in (process / "net" / "tcp").read_text().splitlines()[1:])
                sockets = {f"socket:[{line[9]}]" for line in lines if int(line[1].rpartition(":")[2], 16) == port}
                if any(str(file.readlink()) in sockets for file in (process / "fd").iterdir()):
                    return True
    return False
