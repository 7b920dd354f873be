"""Campaigns and their categories, read whole."""

import dagster as dg

from assets.ingest.descriptions import extract_described
from assets.ingest.extract import extract
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.ingest.table_run import TableRun
from assets.tables.campaigns import Campaign
from assets.tables.categories import Category
from resources.coupontools.requests import Slice
from resources.coupontools.resource import CoupontoolsResource
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

    async def read(run: TableRun) -> ExtractionReport:
        return await extract_described(run, "campaigns", "campaign_info", known)

    return read_table(context, coupontools, warehouse, Campaign, read)


@table_asset(Category, group="campaigns")
def categories(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read both lists of categories."""

    async def read(run: TableRun) -> ExtractionReport:
        endpoints = run.client.endpoints
        return await extract(
            run, [Slice(endpoints[part], constants={"level": level}) for part, level in LEVELS.items()]
        )

    return read_table(context, coupontools, warehouse, Category, read)
