"""Everything put together, once."""

from typing import Any

import dagster as dg

from assets.analytics import ASSETS, published_database
from assets.checks import CHECKS
from pipelines.jobs import export, export_loyalty_users, full_export, publish
from pipelines.schedules import daily_export, daily_export_of_loyalty_users, weekly_full_export
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource


def build_defs(**overrides: Any) -> dg.Definitions:  # noqa: ANN401  (whatever Definitions takes)
    """The definitions of the code location; `overrides` replace arguments of `Definitions`, resources one by one."""
    resources = {
        "coupontools": CoupontoolsResource(),
        "warehouse": WarehouseResource(),
        **overrides.pop("resources", {}),
    }
    arguments = {
        "assets": [*ASSETS.values(), published_database],
        "asset_checks": CHECKS,
        "jobs": [export, full_export, export_loyalty_users, publish],
        "schedules": [daily_export, daily_export_of_loyalty_users, weekly_full_export],
        "executor": dg.in_process_executor,
        "resources": resources,
    }
    return dg.Definitions(**{**arguments, **overrides})


defs = build_defs()
