"""Loyalty cards and the people who hold them."""

import asyncio
from collections.abc import Iterator

import dagster as dg

from assets.ingest.children import Listing, ParentList, extract_children, list_parents
from assets.ingest.extract import extract
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.ingest.table_run import TableRun
from assets.partitions import add_row_counts, cards, has_partitions
from assets.tables.loyalty_cards import LoyaltyCard
from assets.tables.loyalty_user_changes import LoyaltyUserChange
from assets.tables.loyalty_users import LoyaltyUser
from resources.coupontools.client import Client
from resources.coupontools.requests import Slice
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource


@table_asset(LoyaltyCard, group="loyalty")
def loyalty_cards(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of loyalty cards."""

    async def read(run: TableRun) -> ExtractionReport:
        return await extract(run, [Slice(run.client.endpoints["loyalty_cards"])])

    return read_table(context, coupontools, warehouse, LoyaltyCard, read)


def listed_cards(coupontools: CoupontoolsResource) -> ParentList:
    """Ask which loyalty cards are in the account now. Raises SettingsError and CoupontoolsError."""

    async def ask() -> ParentList:
        async with coupontools.connected() as client:
            return await list_parents(client, _listing(client))

    return asyncio.run(ask())


def _listing(client: Client) -> Listing:
    """The list of cards that has the ids by which their users are asked for."""
    return Listing(client.endpoint_beside("loyalty_cards", client.endpoints["loyalty_users"]), LoyaltyCard)


@table_asset(LoyaltyUser, LoyaltyUserChange, group="loyalty", partitions=cards)
def loyalty_users(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Iterator[Materialized]:
    """Read the users of the loyalty cards of the run, of all cards if it has no partitions; keep what has changed."""
    wanted = list(context.partition_keys) if has_partitions(context) else None

    async def read(run: TableRun) -> ExtractionReport:
        async def slices_of(card: str) -> list[Slice]:
            return [Slice(run.client.endpoints["loyalty_users"], card, constants={"loyalty_card_id": card})]

        return await extract_children(run, _listing(run.client), slices_of, only=wanted)

    read_result = read_table(context, coupontools, warehouse, LoyaltyUser, read)
    if wanted:
        add_row_counts(context, LoyaltyUser, warehouse.rows_by_value(LoyaltyUser.schema_of_table(), "loyalty_card_id"))
    yield read_result
    changes = (read_result.metadata or {})["changes kept"]
    yield dg.MaterializeResult(asset_key=LoyaltyUserChange.TABLE, metadata={"rows new": changes})
