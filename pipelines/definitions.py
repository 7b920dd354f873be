"""The code location: all assets, checks, jobs, schedules, sensors and resources."""

from collections.abc import Mapping

import dagster as dg

from assets.asset_checks import audit
from assets.published_database import published_database
from assets.table_assets import ASSETS
from assets.webhook_events import webhook_events
from pipelines.alerts.digest import digest, weekly_digest
from pipelines.alerts.sensor import alerts
from pipelines.jobs import export, export_loyalty_users, export_webhook_events, full_export, publish
from pipelines.schedules import daily_export, daily_export_of_loyalty_users, weekly_full_export
from pipelines.sensors import loyalty_card_partitions, publish_after_updates, webhook_updates
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource


def build_defs(
    *,
    coupontools: CoupontoolsResource | None = None,
    warehouse: WarehouseResource | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """Build the definitions of the code location, or with other resources or loggers."""
    return dg.Definitions(
        assets=[*ASSETS.values(), webhook_events, published_database],
        asset_checks=[audit],
        jobs=[export, full_export, export_loyalty_users, export_webhook_events, publish, digest],
        schedules=[daily_export, daily_export_of_loyalty_users, weekly_full_export, weekly_digest],
        sensors=[publish_after_updates, loyalty_card_partitions, webhook_updates, alerts],
        resources={
            "coupontools": coupontools or CoupontoolsResource(),
            "warehouse": warehouse or WarehouseResource(),
        },
        loggers=loggers,
        executor=dg.in_process_executor,
    )


defs = build_defs()
