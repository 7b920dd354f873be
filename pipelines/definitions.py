"""Everything put together, once."""

from typing import Any

import dagster as dg

from assets.analytics import published_database
from assets.campaigns import campaigns
from assets.checks import CHECKS
from assets.coupon_sessions import coupon_sessions
from pipelines.jobs import export
from pipelines.schedules import daily_export
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
        "assets": [campaigns, coupon_sessions, published_database],
        "asset_checks": CHECKS,
        "jobs": [export],
        "schedules": [daily_export],
        "executor": dg.in_process_executor,
        "resources": resources,
    }
    return dg.Definitions(**{**arguments, **overrides})


defs = build_defs()
