"""Subaccounts."""

from assets.ingest.descriptions import extract_described
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_asset import table_asset
from assets.ingest.table_run import TableRun
from assets.tables.subaccounts import Subaccount


@table_asset(Subaccount)
async def subaccounts(run: TableRun) -> ExtractionReport:
    """Read the list of subaccounts, and the description of each; sign-on tokens are never requested."""
    return await extract_described(run)
