"""The groups of the SMS and e-mail tools, and the contacts of the SMS groups."""

import dagster as dg

from assets.ingest.children import extract_children
from assets.ingest.extract import ExtractionReport, Read, extract
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.tables.email_groups import EmailGroup
from assets.tables.sms_contacts import SmsContact
from assets.tables.sms_groups import SmsGroup
from resources.coupontools.client import Client
from resources.coupontools.requests import Slice
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.batch import Batch
from resources.warehouse.resource import WarehouseResource


@table_asset(SmsGroup, group="messaging")
def sms_groups(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of SMS groups."""

    async def read(client: Client, batch: Batch) -> ExtractionReport:
        return await extract(client, [Read(Slice(client.endpoints["sms_groups"]))], SmsGroup, batch, context.log)

    return read_table(context, coupontools, warehouse, SmsGroup, read)


@table_asset(SmsContact, group="messaging")
def sms_contacts(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the contacts of each SMS group."""

    async def read(client: Client, batch: Batch) -> ExtractionReport:
        async def reads(group: str) -> list[Read]:
            return [Read(Slice(client.endpoints["sms_contacts"], group), {"sms_group_id": group})]

        return await extract_children(
            client, client.endpoints["sms_groups"], SmsGroup, reads, SmsContact, batch, context.log
        )

    return read_table(context, coupontools, warehouse, SmsContact, read)


@table_asset(EmailGroup, group="messaging")
def email_groups(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of e-mail groups."""

    async def read(client: Client, batch: Batch) -> ExtractionReport:
        return await extract(client, [Read(Slice(client.endpoints["email_groups"]))], EmailGroup, batch, context.log)

    return read_table(context, coupontools, warehouse, EmailGroup, read)
