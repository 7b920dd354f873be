"""Launches runs in processes of this machine, and notices those that were killed together with Dagster."""

import dagster as dg

from assets.dagster_internals import CheckRunHealthResult, WorkerStatus, has_lost_its_server


class LocalRunLauncher(dg.DefaultRunLauncher):
    """Dagster's launcher, which by itself would show a run as running for ever if Dagster was killed together with it.

    If only the process of a run dies, the code server that started it reports that.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Have the daemon call `check_run_worker_health`."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask whether the code server that has started the run is still there."""
        if has_lost_its_server(run):
            what = "Dagster has ended without its run. Start it again: it goes on where it stopped."
            return CheckRunHealthResult(WorkerStatus.FAILED, what)
        return CheckRunHealthResult(WorkerStatus.RUNNING)
