"""The sensor `alerts`: sends alerts of failed runs, failed checks and stale tables in Dagster, and when these are over.

It keeps what was sent in its cursor. Dagster's own sensors of failed runs keep less: a message that is not taken would
be lost, and a failed check would be sent twice, as itself and as the failure of its run.
"""

import dagster as dg
import msgspec

from assets.asset_checks import BLOCKING
from assets.catalogue import SOURCES
from assets.check import describe_failed
from assets.check_results import evaluation_of
from assets.dagster_internals import latest_evaluations
from assets.freshness import FAIL_AFTER
from assets.published_database import DATABASE
from pipelines.alerts.runs import follow_runs, newest_end
from pipelines.export_failure import CHECK, UNTIL_IT_PASSES
from resources.alerts.delivery import deliver, describe_failures
from resources.alerts.ledger import Ledger, Problem
from resources.alerts.receivers import read_receivers
from resources.settings import SettingsError

STALE = "stale"
"""The kind of problem of a table that has not been read for too long."""

_FOLLOWED = [*(dg.AssetKey(table.TABLE) for table in SOURCES), DATABASE.key]


class Followed(msgspec.Struct):
    """What the sensor knows from one tick to the next."""

    last_end: int
    """The id of the last end of a run that it has looked at."""
    ledger: Ledger = msgspec.field(default_factory=Ledger)


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends alerts of what has failed and of stale tables, and when that is over, to the receivers in "
    "COUPONTOOLS_ALERTS.",
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Alert the receivers in COUPONTOOLS_ALERTS of what has failed for good, of stale tables, and of what is over."""
    try:
        receivers = read_receivers()
        if not receivers:
            return dg.SkipReason("Nobody is alerted: COUPONTOOLS_ALERTS is not set.")
        followed = _read_cursor(context)
        followed.last_end = follow_runs(context, followed.ledger, followed.last_end)
    except SettingsError as error:
        return dg.SkipReason(str(error))
    _follow_checks(context.instance, followed.ledger)
    _follow_freshness(context.instance, followed.ledger)
    failures = deliver(followed.ledger, receivers)
    context.update_cursor(msgspec.json.encode(followed).decode())
    if failures:
        return dg.SkipReason(f"An alert was not taken by {describe_failures(failures)}: it is sent again.")
    known = followed.ledger.count_open()
    return dg.SkipReason(f"Problems that every receiver knows: {known}." if known else "All is well.")


def _read_cursor(context: dg.SensorEvaluationContext) -> Followed:
    """Read the cursor; without one, runs that have already ended are ignored."""
    try:
        return msgspec.json.decode(context.cursor or "", type=Followed)
    except msgspec.MsgspecError:
        return Followed(newest_end(context.instance))


def _follow_checks(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    """Note which blocking checks have failed when they were last evaluated, of whatever run and warehouse."""
    for key, kept in latest_evaluations(instance, BLOCKING, lambda _: True):
        name = f"{CHECK} {key.name} of {key.asset_key.to_user_string()}"
        failed = describe_failed([evaluation_of(kept)])
        for subject, line in failed.items():
            ledger.note(Problem(name, subject, f"{line} {UNTIL_IT_PASSES}"))
        if not failed:
            ledger.settle([name])


def _follow_freshness(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    """Note which tables the daemon considers stale: those that no run has read or published for FAIL_AFTER."""
    for key, record in instance.get_freshness_state_records(_FOLLOWED).items():
        table = key.to_user_string()
        if record.freshness_state.value == "FAIL":
            text = (
                f"Stale: nothing new has come for {FAIL_AFTER.total_seconds() / 3600:.0f} hours. See in Dagster, under "
                "Automation, whether the schedules are on, and why the last runs have failed."
            )
            ledger.note(Problem(f"{STALE} {table}", table, text))
        elif record.freshness_state.value in ("PASS", "WARN"):
            ledger.settle([f"{STALE} {table}"])
