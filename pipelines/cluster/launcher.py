"""Launches runs on the workers of all hosts, and notices when a worker is lost with its run."""

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from assets.dagster_internals import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from assets.policies import API_POOL, WAREHOUSE_POOL

MAX_SECONDS_TO_ANSWER = 20.0
"""A worker that takes longer counts as lost."""


class ClusterRunLauncher(CeleryRunLauncher):  # type: ignore[misc]  # without types where the extra is not installed
    """Dagster's launcher for Celery, which by itself would not notice that the host of a run has died."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Create the pools of the run's steps, and launch the run.

        If two runs create the same pool at the same time, one of them fails on PostgreSQL.
        """
        storage = self._instance.event_log_storage
        for pool in {API_POOL, WAREHOUSE_POOL} - storage.get_concurrency_keys():
            storage.initialize_concurrency_limit_to_default(pool)
        super().launch_run(context)

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask the worker that has the run whether it still works on it."""
        health: CheckRunHealthResult = super().check_run_worker_health(run)
        if health.status != WorkerStatus.RUNNING:
            return health
        task = self.celery.AsyncResult(run.tags[DAGSTER_CELERY_TASK_ID_TAG])
        worker = task.info["hostname"]
        asked = self.celery.control.inspect([worker], timeout=MAX_SECONDS_TO_ANSWER, limit=1).query_task(task.id)
        if asked and task.id in asked.get(worker, {}):
            return health
        health = super().check_run_worker_health(run)  # it may have ended in between
        if health.status != WorkerStatus.RUNNING:
            return health
        what = "was restarted" if asked else f"does not answer within {MAX_SECONDS_TO_ANSWER:.0f} seconds"
        return CheckRunHealthResult(WorkerStatus.FAILED, f"The worker {worker} {what}, so its run is lost.")
