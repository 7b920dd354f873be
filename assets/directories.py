"""Coupon directories, the campaigns in them, and the people who registered for them."""

from assets.ingest.children import extract_children
from assets.ingest.descriptions import extract_described
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun


async def directories(run: TableRun) -> ExtractionReport:
    """Read the list of directories, and the description of each with its price."""
    return await extract_described(run)


async def directory_campaigns(run: TableRun) -> ExtractionReport:
    """Read the campaigns of each directory."""
    return await extract_children(run)


async def directory_registrations(run: TableRun) -> ExtractionReport:
    """Read the registrations of each directory that were made in the window, all its days in one pass."""
    return await extract_children(run)
