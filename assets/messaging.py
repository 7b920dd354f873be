"""The groups of the SMS and e-mail tools, and the contacts of the SMS groups."""

import dagster as dg

from assets.ingest.children import Listing, extract_children
from assets.ingest.extract import extract
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.ingest.table_run import TableRun
from assets.tables.email_groups import EmailGroup
from assets.tables.sms_contacts import SmsContact
from assets.tables.sms_groups import SmsGroup
from resources.coupontools.requests import Slice
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource


@table_asset(SmsGroup, group="messaging")
def sms_groups(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of SMS groups."""

    async def read(run: TableRun) -> ExtractionReport:
        return await extract(run, [Slice(run.client.endpoints["sms_groups"])])

    return read_table(context, coupontools, warehouse, SmsGroup, read)


@table_asset(SmsContact, group="messaging")
def sms_contacts(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the contacts of each SMS group."""

    async def read(run: TableRun) -> ExtractionReport:
        async def slices_of(group: str) -> list[Slice]:
            return [Slice(run.client.endpoints["sms_contacts"], group, constants={"sms_group_id": group})]

        return await extract_children(run, Listing(run.client.endpoints["sms_groups"], SmsGroup), slices_of)

    return read_table(context, coupontools, warehouse, SmsContact, read)


@table_asset(EmailGroup, group="messaging")
def email_groups(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of e-mail groups."""

    async def read(run: TableRun) -> ExtractionReport:
        return await extract(run, [Slice(run.client.endpoints["email_groups"])])

    return read_table(context, coupontools, warehouse, EmailGroup, read)
