"""Groups of the SMS and e-mail tools, and the contacts of the SMS groups."""

from assets.ingest.children import extract_children
from assets.ingest.extract import extract_lists
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun


async def sms_groups(run: TableRun) -> ExtractionReport:
    """Read the list of SMS groups."""
    return await extract_lists(run)


async def sms_contacts(run: TableRun) -> ExtractionReport:
    """Read the contacts of each SMS group."""
    return await extract_children(run)


async def email_groups(run: TableRun) -> ExtractionReport:
    """Read the list of e-mail groups."""
    return await extract_lists(run)
