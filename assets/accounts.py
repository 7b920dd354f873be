"""Subaccounts."""

import dagster as dg

from assets.ingest.descriptions import extract_described
from assets.ingest.extract import ExtractionReport
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.tables.subaccounts import Subaccount
from resources.coupontools.client import Client
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.batch import Batch
from resources.warehouse.resource import WarehouseResource


@table_asset(Subaccount, group="accounts")
def subaccounts(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of subaccounts, and the description of each; sign-on tokens are never asked for."""

    def known() -> list[str]:
        return warehouse.values(Subaccount.schema_of_table(), "subaccount_id")

    async def read(client: Client, batch: Batch) -> ExtractionReport:
        return await extract_described(client, "subaccounts", "subaccount_info", Subaccount, known, batch, context.log)

    return read_table(context, coupontools, warehouse, Subaccount, read)
