"""Coupon sessions: of every campaign, those that came into being or were touched in a window of days."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from assets.extraction import Extraction, extract, failing_clearly, parents
from assets.loading import load, result, table_asset
from assets.partitions import Days, Window, daily, window_of
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from resources.coupontools.endpoints import CAMPAIGNS, SESSIONS, TOUCHED_SESSIONS
from resources.coupontools.paging import Unit
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource

RESUMABLE = timedelta(hours=24)
"""How long after a crash the next run goes on where the dead one stopped; only days that are over stay true so long."""


@table_asset(CouponSession, group="campaigns", partitions=daily)
def coupon_sessions(
    context: dg.AssetExecutionContext, config: Days, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> dg.MaterializeResult[Any]:
    """Read the sessions of the window, all its days in one pass, and merge them into the stage."""
    with failing_clearly():
        window = window_of(context, config)
        purpose = f"{CouponSession.TABLE} {window} of {coupontools.account()}"
        with warehouse.batch(purpose, RESUMABLE if window.is_closed else timedelta(0)) as batch:

            async def read() -> Extraction:
                async with coupontools.connected() as client:
                    campaigns = await parents(client, CAMPAIGNS, Campaign)
                    context.log.info(f"coupon_sessions: {window} of {len(campaigns):,} campaigns")
                    return await extract(
                        client, reads(campaigns, window), CouponSession, "campaign_id", batch, context.log
                    )

            extraction = asyncio.run(read())
            merged = load(warehouse, coupontools, batch, CouponSession)
        _tell_partitions(context, warehouse, window)
        return result(extraction, merged)


def reads(campaigns: Sequence[str], window: Window) -> list[Unit]:
    """What to read so that every session of the window, and every older one touched in it, is brought up to date."""
    touched = () if window.reaches_back_to_the_beginning else TOUCHED_SESSIONS
    return [
        Unit(endpoint, campaign, window.start, window.end)
        for campaign in campaigns
        for endpoint in (SESSIONS, *touched)
    ]


def _tell_partitions(context: dg.AssetExecutionContext, warehouse: WarehouseResource, window: Window) -> None:
    """Note on each partition of the run how many sessions were created that day."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return
    created = warehouse.rows_by_day(CouponSession.schema_of_table(), "created_at", window.start, window.end)
    for day in context.partition_keys:
        context.add_asset_metadata({"dagster/partition_row_count": created.get(day, 0)}, partition_key=day)
