"""Loyalty cards and the people who hold them."""

import asyncio

from assets.ingest.children import IdList, extract_children, list_ids, parent_listing
from assets.ingest.extract import extract_lists
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun
from assets.tables.loyalty_users import LoyaltyUser
from resources.coupontools.account import CoupontoolsAccount


async def loyalty_cards(run: TableRun) -> ExtractionReport:
    """Read the list of loyalty cards."""
    return await extract_lists(run)


async def loyalty_users(run: TableRun) -> ExtractionReport:
    """Read the users of each loyalty card of the run, all cards if it has no partitions, and keep what has changed."""
    return await extract_children(run)


def list_cards(coupontools: CoupontoolsAccount) -> IdList:
    """Read which loyalty cards are in the account now. Raises SettingsError and CoupontoolsError."""

    async def read() -> IdList:
        async with coupontools.connect() as client:
            return await list_ids(client, parent_listing(client, LoyaltyUser))

    return asyncio.run(read())
