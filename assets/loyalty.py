"""Loyalty cards and the people who hold them."""

import asyncio
from collections.abc import Iterator

import dagster as dg

from assets.ingest.children import Parents, extract_children, parents
from assets.ingest.extract import ExtractionReport, Read, extract
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.partitions import add_row_counts, cards, has_partitions
from assets.tables.loyalty_cards import LoyaltyCard
from assets.tables.loyalty_user_changes import LoyaltyUserChange
from assets.tables.loyalty_users import LoyaltyUser
from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.requests import Slice
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.batch import Batch
from resources.warehouse.resource import WarehouseResource


@table_asset(LoyaltyCard, group="loyalty")
def loyalty_cards(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the list of loyalty cards."""

    async def read(client: Client, batch: Batch) -> ExtractionReport:
        return await extract(client, [Read(Slice(client.endpoints["loyalty_cards"]))], LoyaltyCard, batch, context.log)

    return read_table(context, coupontools, warehouse, LoyaltyCard, read)


def listed_cards(coupontools: CoupontoolsResource) -> Parents:
    """Ask which loyalty cards are in the account now. Raises SettingsError and CoupontoolsError."""

    async def ask() -> Parents:
        async with coupontools.connected() as client:
            return await parents(client, _listing(client), LoyaltyCard)

    return asyncio.run(ask())


def _listing(client: Client) -> Endpoint:
    """The list of cards that has the ids by which their users are asked for."""
    return client.endpoint_beside("loyalty_cards", client.endpoints["loyalty_users"])


@table_asset(LoyaltyUser, LoyaltyUserChange, group="loyalty", partitions=cards)
def loyalty_users(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Iterator[Materialized]:
    """Read the users of the loyalty cards of the run, of all cards if it has no partitions; keep what has changed."""
    wanted = list(context.partition_keys) if has_partitions(context) else None

    async def read(client: Client, batch: Batch) -> ExtractionReport:
        async def reads(card: str) -> list[Read]:
            return [Read(Slice(client.endpoints["loyalty_users"], card), {"loyalty_card_id": card})]

        return await extract_children(
            client, _listing(client), LoyaltyCard, reads, LoyaltyUser, batch, context.log, only=wanted
        )

    read_result = read_table(context, coupontools, warehouse, LoyaltyUser, read)
    if wanted:
        add_row_counts(context, LoyaltyUser, warehouse.rows_by_value(LoyaltyUser.schema_of_table(), "loyalty_card_id"))
    yield read_result
    changes = (read_result.metadata or {})["changes kept"]
    yield dg.MaterializeResult(asset_key=LoyaltyUserChange.TABLE, metadata={"rows new": changes})
