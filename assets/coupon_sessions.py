"""Coupon sessions: of every campaign, those that came into being or were touched in a window of days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from assets.ingest.children import Listing, extract_children
from assets.ingest.extract import known_slices, slice_key
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.ingest import Materialized, read_table
from assets.ingest.table_asset import table_asset
from assets.ingest.table_run import TableRun
from assets.partitions import Days, Window, add_rows_of_days, daily, has_partitions, read_start_date, window_of
from assets.plots import as_picture, by_day
from assets.policies import as_dagster_failure
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from resources.coupontools.client import Client
from resources.coupontools.envelope import NO_RECORDS
from resources.coupontools.errors import ParentNotFoundError, RequestError, UnreadableError
from resources.coupontools.requests import PageRequest, Slice
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource

MIN_DAYS_DRAWN, MAX_DAYS_DRAWN = timedelta(days=60), timedelta(days=730)

THE_BEGINNING = date(1970, 1, 1)
"""A day before every session. It is sent too, as nobody knows of the API what an end alone means to it."""

MIN_DAYS_TO_ASK = timedelta(days=13)
"""Last day less first: windows that are shorter are read without asking what lies before them."""

TOUCHED = ("opens", "claims", "validations")
"""Parts of the account that list the sessions to which something happened in a window."""


@table_asset(CouponSession, group="campaigns", partitions=daily)
def coupon_sessions(
    context: dg.AssetExecutionContext, config: Days, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the sessions of the window, all its days in one pass, and merge them into the stage."""
    with as_dagster_failure(context):
        window = window_of(context, config)
        purpose = f"{CouponSession.TABLE} {window} of {coupontools.account()}"

    async def read(run: TableRun) -> ExtractionReport:
        client, known = run.client, known_slices(run.batch)

        async def slices_of(campaign: str) -> list[Slice]:
            sessions, *touched = (
                Slice(client.endpoints[part], campaign, window.start, window.end, {"campaign_id": campaign})
                for part in ("sessions", *TOUCHED)
            )
            is_known = known.issuperset(map(slice_key, [sessions, *touched]))
            if not is_known and await _may_be_older(client, campaign, window):
                return [sessions, *touched]
            return [replace(sessions, covers=tuple(touched))]

        listing = Listing(client.endpoints["campaigns"], Campaign)
        return await extract_children(run, listing, slices_of, finds_deletions=window.is_everything)

    read_result = read_table(context, coupontools, warehouse, CouponSession, read, purpose, window.resumable_for)
    add_rows_of_days(context, warehouse, CouponSession, "created_at")
    if not context.instance.is_ephemeral:  # else nobody looks at it
        # on one partition alone: a backfill would have the picture on each of a thousand
        last = context.partition_keys[-1] if has_partitions(context) else None
        context.add_asset_metadata(_drawn(warehouse, window), CouponSession.TABLE, partition_key=last)
    return read_result


async def _may_be_older(client: Client, campaign: str, window: Window) -> bool:
    """Whether sessions from before the window may have been touched in it, so that what was touched must be read.

    Of a long window the API is asked: one request more saves three lists of sessions that `sessions` has already.
    """
    if window.start is None or window.end is None or window.start <= THE_BEGINNING:
        return False
    if window.end - window.start < MIN_DAYS_TO_ASK:
        return True
    before = Slice(client.endpoints["sessions"], campaign, THE_BEGINNING, window.start - timedelta(days=1))
    try:
        return await client.read(PageRequest(before, page=1), lambda page: page.records != NO_RECORDS)
    except (ParentNotFoundError, RequestError, UnreadableError):  # the lists are read all the same, and tell it
        return True


def _drawn(warehouse: WarehouseResource, window: Window) -> dict[str, dg.MarkdownMetadataValue]:
    """The sessions by the day of their creation, up to the last day of the window."""
    last = window.end or datetime.now(UTC).date()
    first = max(min(window.start or read_start_date(), last - MIN_DAYS_DRAWN), last - MAX_DAYS_DRAWN)
    rows = warehouse.rows_by_day(CouponSession.schema_of_table(), "created_at", first, last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    drawn = by_day({"created": {day: rows.get(day.isoformat(), 0) for day in days}})
    return {"sessions by day": as_picture(drawn, "sessions by day of creation")}
