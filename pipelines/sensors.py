"""The sensors: they start runs when a table was updated, loyalty cards have changed, or webhook events have arrived."""

import time
from collections.abc import Sequence

import dagster as dg
from dagster import DagsterRunStatus

from assets.loyalty import list_cards
from assets.partitions import cards, partition_range
from assets.published_database import published_database
from assets.table_assets import ASSETS
from assets.tables.loyalty_users import LoyaltyUser
from assets.webhook_events import FILES_WAITING
from assets.webhooks.intake import open_inbox
from pipelines.jobs import BEFORE_BACKFILLS, export_loyalty_users, export_webhook_events
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.errors import CoupontoolsError
from resources.printable import make_printable
from resources.settings import SettingsError
from resources.warehouse.admission import admit
from resources.warehouse.errors import WarehouseError
from resources.warehouse.warehouse import Warehouse

SECONDS_AFTER_A_FAILURE = 300
"""How long to wait after a failed run for events before the next one is started."""

AGAIN = "coupontools/again_after"
"""The tag of a run that publishes what a failed run for events had merged; its value is the id of the failed run."""

_ENDS = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
_UNFINISHED = [status for status in DagsterRunStatus if status not in _ENDS]

publish_after_updates = dg.AutomationConditionSensorDefinition(
    "publish_after_updates",
    target=[published_database],
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
    description="Publishes whenever a table was updated, also by a backfill of it alone, unless a blocking check has "
    "failed.",
)


@dg.sensor(
    job=export_loyalty_users,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks every minute which loyalty cards there are; exports new ones, and removes the partitions of "
    "deleted ones.",
)
def loyalty_card_partitions(
    context: dg.SensorEvaluationContext,
    coupontools: dg.ResourceParam[CoupontoolsAccount],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.SensorResult | dg.SkipReason:
    """Read every minute which loyalty cards the account has: each one is a partition of `loyalty_users`.

    New ones are exported at once. The partitions of deleted cards are removed, and an export marks their users as
    deleted; not while a run that may name them waits or works, which would fail, and with it all other cards.
    """
    try:
        admit(warehouse.engine, warehouse.origin_of(coupontools.fingerprint()))
        listed = list_cards(coupontools)
    except (SettingsError, CoupontoolsError, WarehouseError) as error:
        return dg.SkipReason(make_printable(str(error)))
    names = [card for card in listed.ids if _is_a_name(card)]
    if others := len(listed.ids) - len(names):
        context.log.warning(
            f"{others:,} loyalty cards have ids that cannot be shown, and no partition: coupontools export reads them."
        )
    known = context.instance.get_dynamic_partitions(str(cards.name))
    known_ids, listed_ids = set(known), set(listed.ids)
    new = [card for card in names if card not in known_ids]
    deleted = [card for card in known if card not in listed_ids] if listed.is_complete else []
    if deleted and _is_read_now(context.instance):
        if not new:
            return dg.SkipReason("Loyalty cards were deleted: their partitions go once no run reads or awaits users.")
        deleted = []
    if not (new or deleted):
        return dg.SkipReason(f"The account has {len(listed.ids):,} loyalty cards, which are all known.")
    remaining = [card for card in known if card not in deleted]
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags=partition_range(new or remaining[-1:]))],
        dynamic_partitions_requests=[cards.build_add_request(new), cards.build_delete_request(deleted)],
    )


def _is_read_now(instance: dg.DagsterInstance) -> bool:
    """Whether a run that has not ended reads the users of cards, or will."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    return any(
        run.job_name == export_loyalty_users.name or not ASSETS[LoyaltyUser].keys.isdisjoint(run.asset_selection or ())
        for run in runs
    )


def _is_a_name(card: str) -> bool:
    """Whether an id can be shown as it is, as the name of a partition."""
    return make_printable(card) == card


@dg.sensor(
    job=export_webhook_events,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks every 30 seconds for verified events of webhooks; starts one run for all of them, and never two "
    "at a time.",
)
def webhook_updates(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.RunRequest | dg.SkipReason:
    """Read what verified webhook events touch: one run for all waiting events, and never two at a time."""
    try:
        inbox = open_inbox(warehouse)
    except SettingsError as error:
        return dg.SkipReason(make_printable(str(error)))
    if not inbox.exists():
        return dg.SkipReason("No event was ever received.")
    waiting = inbox.list_files("verified")
    last = context.instance.get_run_records(dg.RunsFilter(job_name=export_webhook_events.name), limit=1)
    if reason := _reason_to_wait(last):
        return dg.SkipReason(reason)
    if waiting:
        return dg.RunRequest(tags={FILES_WAITING: str(len(waiting)), **BEFORE_BACKFILLS})
    if last and last[0].dagster_run.status == DagsterRunStatus.FAILURE and AGAIN not in last[0].dagster_run.tags:
        return dg.RunRequest(tags={AGAIN: last[0].dagster_run.run_id, **BEFORE_BACKFILLS})
    return dg.SkipReason("No verified event waits.")


def _reason_to_wait(last: Sequence[dg.RunRecord]) -> str | None:
    """Say why no run may begin yet; None if one may."""
    if last and not last[0].dagster_run.is_finished:
        return "A run reads what earlier events touch."
    if last and last[0].dagster_run.status == DagsterRunStatus.FAILURE:
        left = SECONDS_AFTER_A_FAILURE - (time.time() - (last[0].end_time or 0))
        if left > 0:
            return f"The last run has failed; the next one may begin in {left:.0f} seconds."
    return None
