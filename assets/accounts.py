"""Subaccounts."""

from assets.ingest.descriptions import extract_described
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun


async def subaccounts(run: TableRun) -> ExtractionReport:
    """Read the list of subaccounts, and the description of each; sign-on tokens are never requested."""
    return await extract_described(run)
