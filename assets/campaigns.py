"""Campaigns and their categories, read whole."""

import dagster as dg

from assets.ingest.descriptions import extract_described
from assets.ingest.extract import ExtractionReport, Read, extract
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.tables.campaigns import Campaign
from assets.tables.categories import Category
from resources.coupontools.client import Client
from resources.coupontools.requests import Slice
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.batch import Batch
from resources.warehouse.resource import WarehouseResource

LEVELS = {"categories": "category", "main_categories": "main"}
"""The part of the account that lists the categories of each level."""


@table_asset(Campaign, group="campaigns")
def campaigns(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of campaigns, and of each one its description with its usage statistics."""

    def known() -> list[str]:
        return warehouse.values(Campaign.schema_of_table(), "campaign_id")

    async def read(client: Client, batch: Batch) -> ExtractionReport:
        return await extract_described(client, "campaigns", "campaign_info", Campaign, known, batch, context.log)

    return read_table(context, coupontools, warehouse, Campaign, read)


@table_asset(Category, group="campaigns")
def categories(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read both lists of categories."""

    async def read(client: Client, batch: Batch) -> ExtractionReport:
        reads = [Read(Slice(client.endpoints[part]), {"level": level}) for part, level in LEVELS.items()]
        return await extract(client, reads, Category, batch, context.log)

    return read_table(context, coupontools, warehouse, Category, read)
