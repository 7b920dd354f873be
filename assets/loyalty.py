"""Loyalty cards and the people who hold them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.children import extract_children
from assets.extraction import Extraction, Read, extract
from assets.loading import read_table, table_asset
from assets.partitions import cards
from assets.tables.loyalty_cards import LoyaltyCard
from assets.tables.loyalty_user_changes import LoyaltyUserChange
from assets.tables.loyalty_users import LoyaltyUser
from resources.coupontools.client import Client
from resources.coupontools.questions import Unit
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.batch import Batch
from resources.warehouse.resource import WarehouseResource


@table_asset(LoyaltyCard, group="loyalty")
def loyalty_cards(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> dg.MaterializeResult[Any]:
    """Read the list of loyalty cards; each one becomes a partition of `loyalty_users`."""

    async def read(client: Client, batch: Batch) -> Extraction:
        return await extract(client, [Read(Unit(client.endpoints["loyalty_cards"]))], LoyaltyCard, batch, context.log)

    read_result = read_table(context, coupontools, warehouse, LoyaltyCard, read)
    found = warehouse.values(LoyaltyCard.schema_of_table(), "loyalty_card_id")
    context.instance.add_dynamic_partitions(str(cards.name), found)
    return read_result


@table_asset(LoyaltyUser, LoyaltyUserChange, group="loyalty", partitions=cards)
def loyalty_users(
    context: dg.AssetExecutionContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Read the users of the loyalty cards of the run, of all cards if it has no partitions; keep what has changed."""
    has_partitions = context.has_partition_key or context.has_partition_key_range
    wanted = list(context.partition_keys) if has_partitions else None

    async def read(client: Client, batch: Batch) -> Extraction:
        endpoint = client.endpoints["loyalty_users"]
        listing = client.endpoint_beside("loyalty_cards", endpoint)

        def reads(card: str) -> list[Read]:
            return [Read(Unit(endpoint, card), {"loyalty_card_id": card})]

        return await extract_children(client, listing, LoyaltyCard, reads, LoyaltyUser, batch, context.log, only=wanted)

    read_result = read_table(context, coupontools, warehouse, LoyaltyUser, read)
    yield read_result
    changes = (read_result.metadata or {})["changes kept"]
    yield dg.MaterializeResult(asset_key=LoyaltyUserChange.TABLE, metadata={"rows new": changes})
