"""Extracts a table that needs no code of its own: its Source says how it is read."""

from assets.ingest.children import extract_children
from assets.ingest.descriptions import extract_described
from assets.ingest.extract import extract_lists
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun


async def extract_source(run: TableRun) -> ExtractionReport:
    """Read the records of each parent, or the list with a description of each record, or plain lists.

    Raises CoupontoolsError as `extract` does.
    """
    if run.source.parent:
        return await extract_children(run)
    if run.source.description:
        return await extract_described(run)
    return await extract_lists(run)
