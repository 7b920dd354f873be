"""Campaigns and their categories."""

from assets.ingest.descriptions import extract_described
from assets.ingest.ended_campaigns import list_unchanged
from assets.ingest.extract import extract_lists
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun


async def campaigns(run: TableRun) -> ExtractionReport:
    """Read the list of campaigns, and the description of each with its usage statistics."""
    return await extract_described(run, await list_unchanged(run))


async def categories(run: TableRun) -> ExtractionReport:
    """Read both lists of categories."""
    return await extract_lists(run)
