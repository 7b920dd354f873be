"""Coupon directories, the campaigns in them, and the people who registered for them."""

import dagster as dg

from assets.ingest.children import Listing, extract_children
from assets.ingest.descriptions import extract_described
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.ingest.table_run import TableRun
from assets.partitions import Days, add_rows_of_days, daily, window_of
from assets.policies import as_dagster_failure
from assets.tables.directories import Directory
from assets.tables.directory_campaigns import DirectoryCampaign
from assets.tables.directory_registrations import DirectoryRegistration
from resources.coupontools.requests import Slice
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource


@table_asset(Directory, group="directories")
def directories(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of directories, and of each one its description with what it costs."""

    def known() -> list[str]:
        return warehouse.values(Directory.schema_of_table(), "directory_id")

    async def read(run: TableRun) -> ExtractionReport:
        return await extract_described(run, "directories", "directory_info", known)

    return read_table(context, coupontools, warehouse, Directory, read)


@table_asset(DirectoryCampaign, group="directories")
def directory_campaigns(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the campaigns of each directory."""

    async def read(run: TableRun) -> ExtractionReport:
        endpoint = run.client.endpoints["directory_campaigns"]
        listing = Listing(run.client.endpoint_beside("directories", endpoint), Directory)

        async def slices_of(directory: str) -> list[Slice]:
            return [Slice(endpoint, directory, constants={"directory_id": directory})]

        return await extract_children(run, listing, slices_of)

    return read_table(context, coupontools, warehouse, DirectoryCampaign, read)


@table_asset(DirectoryRegistration, group="directories", partitions=daily)
def directory_registrations(
    context: dg.AssetExecutionContext, config: Days, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the registrations of each directory that were made in the window, all its days in one pass."""
    with as_dagster_failure(context):
        window = window_of(context, config)
        purpose = f"{DirectoryRegistration.TABLE} {window} of {coupontools.account()}"

    async def read(run: TableRun) -> ExtractionReport:
        endpoint = run.client.endpoints["directory_registrations"]
        listing = Listing(run.client.endpoint_beside("directories", endpoint), Directory)

        async def slices_of(directory: str) -> list[Slice]:
            return [Slice(endpoint, directory, window.start, window.end, constants={"directory_id": directory})]

        return await extract_children(run, listing, slices_of, finds_deletions=window.is_everything)

    read_result = read_table(
        context, coupontools, warehouse, DirectoryRegistration, read, purpose, window.resumable_for
    )
    add_rows_of_days(context, warehouse, DirectoryRegistration, "registered_at")
    return read_result
