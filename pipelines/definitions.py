"""Everything put together, once."""

from typing import Any

import dagster as dg

from assets.catalogue import ASSETS
from assets.checks import audit
from assets.published_database import published_database
from pipelines.jobs import export, export_loyalty_users, full_export, publish
from pipelines.schedules import daily_export, daily_export_of_loyalty_users, weekly_full_export
from pipelines.sensors import loyalty_card_partitions, publish_after_updates
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource


def build_defs(**overrides: Any) -> dg.Definitions:  # noqa: ANN401  (whatever Definitions takes)
    """The definitions of the code location.

    `coupontools` and `warehouse` stand in for the resources of these names, any other keyword for an argument of
    `Definitions`; its `resources` are replaced one by one.
    """
    defaults = {"coupontools": CoupontoolsResource(), "warehouse": WarehouseResource()}
    replaced = {name: overrides.pop(name) for name in defaults if name in overrides}
    resources = {**defaults, **overrides.pop("resources", {}), **replaced}
    arguments = {
        "assets": [*ASSETS.values(), published_database],
        "asset_checks": [audit],
        "jobs": [export, full_export, export_loyalty_users, publish],
        "schedules": [daily_export, daily_export_of_loyalty_users, weekly_full_export],
        "sensors": [publish_after_updates, loyalty_card_partitions],
        "executor": dg.in_process_executor,
        "resources": resources,
    }
    return dg.Definitions(**{**arguments, **overrides})


defs = build_defs()
