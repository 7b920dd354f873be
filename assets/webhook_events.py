"""The asset `webhook_events`: merges received events, and reads from the API what they touch."""

from typing import Any

import dagster as dg

from assets.dagster_internals import latest_versions
from assets.ingest.destination import RunResources
from assets.one_warehouse import WAREHOUSE, make_version, refuse_older_copy
from assets.policies import API_POOL, as_dagster_failure
from assets.table_assets import PARTITIONS, asset_spec
from assets.tables.webhook_events import WebhookEvent
from assets.webhooks.intake import open_inbox
from assets.webhooks.update import update_from_events
from resources.coupontools.account import CoupontoolsAccount
from resources.warehouse.errors import RefusedError
from resources.warehouse.warehouse import Warehouse

FILES_WAITING = "coupontools/files_of_events"
"""The tag of a run that was started for waiting events; its value is the number of their files."""


@dg.multi_asset(name=WebhookEvent.TABLE, specs=[asset_spec(WebhookEvent, "webhooks")], pool=API_POOL)
def webhook_events(
    context: dg.AssetExecutionContext,
    coupontools: dg.ResourceParam[CoupontoolsAccount],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult[Any]:
    """Merge the events that wait, and read the sessions of the campaigns and days that the verified ones name.

    A table that is read for them gets an observation, not a materialisation: only some campaigns of a day were read,
    and the daily export must still read the day.
    """
    with as_dagster_failure(context.retry_number, warehouse):
        refuse_older_copy(latest_versions(context.instance, PARTITIONS), warehouse.engine)
        if FILES_WAITING in context.run.tags and not open_inbox(warehouse).exists():
            raise RefusedError(
                "The events wait on another host: the receiver and the runs that read events need the same "
                "COUPONTOOLS_DATA_DIR. No event is lost."
            )
        updated = update_from_events(RunResources(coupontools, warehouse, context.log))
    for ingested in updated.ingested:
        metadata = {
            "records read": ingested.report.records,
            "rows new": ingested.merged.new,
            "rows touched": ingested.merged.touched,
        }
        context.log_event(
            dg.AssetObservation(ingested.table.TABLE, "Read because of webhook events.", metadata=metadata)
        )
    merged = updated.events
    return dg.MaterializeResult(
        asset_key=WebhookEvent.TABLE,
        data_version=make_version(merged) if merged.warehouse else None,
        metadata={
            "events new": merged.new,
            "events decided": merged.touched,
            "events deleted": updated.deleted,
            WAREHOUSE: merged.warehouse or "nothing was written",
            "API requests": sum(ingested.report.traffic.requests for ingested in updated.ingested),
        },
    )
