"""The asset `coupon_sessions`: the sessions of every campaign that were created or changed in a window of days."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from assets.ingest.children import extract_children, slices_of_parent
from assets.ingest.ended_campaigns import choose_campaigns
from assets.ingest.extract import slice_key
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun
from assets.window import Window
from resources.coupontools.client import Client
from resources.coupontools.envelope import NO_RECORDS
from resources.coupontools.errors import ParentNotFoundError, RequestError, UnreadableError
from resources.coupontools.requests import PageRequest, Slice

THE_BEGINNING = date(1970, 1, 1)
"""A start date before every session; what the API does with an end date alone is not known."""

MIN_DAYS_TO_ASK = timedelta(days=13)
"""Last day minus first day. For shorter windows the lists of changes are read without asking for older sessions."""


async def coupon_sessions(run: TableRun) -> ExtractionReport:
    """Read the sessions of each campaign that were created or changed in the window, all its days in one pass."""
    run = await choose_campaigns(run)
    known = run.batch.known_slices

    async def choose_slices(campaign: str) -> Sequence[Slice]:
        """Choose the lists of changes only where they can hold sessions that the list of created ones lacks."""
        slices = slices_of_parent(run, campaign)
        created, *changed = slices
        are_known = known.issuperset(map(slice_key, slices))
        if are_known or not await _may_have_older_changes(run.client, campaign, run.window):
            return [replace(created, covers=tuple(changed))]
        return slices

    return await extract_children(run, choose_slices)


async def _may_have_older_changes(client: Client, campaign: str, window: Window) -> bool:
    """Return whether sessions from before the window may have changed in it, so that the lists of changes must be read.

    For a long window one request for older sessions can save three: without older sessions, the lists of changes hold
    nothing that the list of created ones does not.
    """
    if window.start is None or window.end is None or window.start <= THE_BEGINNING:
        return False
    if window.end - window.start < MIN_DAYS_TO_ASK:
        return True
    before = Slice(client.endpoints["sessions"], campaign, THE_BEGINNING, window.start - timedelta(days=1))
    try:
        return await client.read(PageRequest(before, page=1), lambda page: page.records != NO_RECORDS)
    except (ParentNotFoundError, RequestError, UnreadableError):  # reading the lists reports it
        return True
