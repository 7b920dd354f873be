"""Coupon sessions: of every campaign, those that came into being or were touched in a window of days."""

from typing import Any

import dagster as dg

from assets.children import extract_children
from assets.extraction import Extraction, Read
from assets.loading import failing_clearly, read_table, table_asset, tell_partitions
from assets.partitions import Days, daily, window_of
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from resources.coupontools.client import Client
from resources.coupontools.questions import Unit
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.batch import Batch
from resources.warehouse.resource import WarehouseResource

TOUCHED = ("opens", "claims", "validations")
"""Parts of the account that list the sessions to which something happened in a window."""


@table_asset(CouponSession, group="campaigns", partitions=daily)
def coupon_sessions(
    context: dg.AssetExecutionContext, config: Days, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> dg.MaterializeResult[Any]:
    """Read the sessions of the window, all its days in one pass, and merge them into the stage."""
    with failing_clearly():
        window = window_of(context, config)
        purpose = f"{CouponSession.TABLE} {window} of {coupontools.account()}"
    # every session of the window, and every older one touched in it
    parts = ("sessions",) if window.reaches_back_to_the_beginning else ("sessions", *TOUCHED)

    async def read(client: Client, batch: Batch) -> Extraction:
        def reads(campaign: str) -> list[Read]:
            units = [Unit(client.endpoints[part], campaign, window.start, window.end) for part in parts]
            return [Read(unit, {"campaign_id": campaign}) for unit in units]

        return await extract_children(
            client,
            client.endpoints["campaigns"],
            Campaign,
            reads,
            CouponSession,
            batch,
            context.log,
            finds_deletions=window.is_everything,
        )

    read_result = read_table(context, coupontools, warehouse, CouponSession, read, purpose, window.resumable_for)
    tell_partitions(context, warehouse, CouponSession, "created_at")
    return read_result
