"""Campaigns: the list of all of them, read whole."""

import asyncio
from typing import Any

import dagster as dg

from assets.extraction import Extraction, extract, failing_clearly
from assets.loading import load, result, table_asset
from assets.tables.campaigns import Campaign
from resources.coupontools.endpoints import CAMPAIGNS
from resources.coupontools.paging import Unit
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource


@table_asset(Campaign, group="campaigns")
def campaigns(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> dg.MaterializeResult[Any]:
    """Read the list of campaigns and merge it into the stage."""
    with failing_clearly(), warehouse.batch(Campaign.TABLE) as batch:

        async def read() -> Extraction:
            async with coupontools.connected() as client:
                return await extract(client, [Unit(CAMPAIGNS)], Campaign, None, batch, context.log)

        extraction = asyncio.run(read())
        return result(extraction, load(warehouse, coupontools, batch, Campaign))
