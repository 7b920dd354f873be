"""Subaccounts."""

import dagster as dg

from assets.ingest.descriptions import extract_described
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.ingest.table_run import TableRun
from assets.tables.subaccounts import Subaccount
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource


@table_asset(Subaccount, group="accounts")
def subaccounts(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of subaccounts, and the description of each; sign-on tokens are never asked for."""

    def known() -> list[str]:
        return warehouse.values(Subaccount.schema_of_table(), "subaccount_id")

    async def read(run: TableRun) -> ExtractionReport:
        return await extract_described(run, "subaccounts", "subaccount_info", known)

    return read_table(context, coupontools, warehouse, Subaccount, read)
