"""Coupon sessions: of every campaign, those that came into being or were touched in a window of days."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.children import extract_children
from assets.extraction import Extraction, Read
from assets.loading import Materialized, failing_clearly, read_table, table_asset, tell_partitions
from assets.partitions import FIRST_DAY, Days, Window, daily, window_of
from assets.plots import as_picture, by_day
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from resources.coupontools.client import Client
from resources.coupontools.questions import Unit
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.batch import Batch
from resources.warehouse.resource import WarehouseResource

FEWEST_DAYS_DRAWN, MOST_DAYS_DRAWN = timedelta(days=60), timedelta(days=730)

TOUCHED = ("opens", "claims", "validations")
"""Parts of the account that list the sessions to which something happened in a window."""


@table_asset(CouponSession, group="campaigns", partitions=daily)
def coupon_sessions(
    context: dg.AssetExecutionContext, config: Days, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> Materialized:
    """Read the sessions of the window, all its days in one pass, and merge them into the stage."""
    with failing_clearly(context):
        window = window_of(context, config)
        purpose = f"{CouponSession.TABLE} {window} of {coupontools.account()}"
    # every session of the window, and every older one touched in it
    parts = ("sessions",) if window.reaches_back_to_the_beginning else ("sessions", *TOUCHED)

    async def read(client: Client, batch: Batch) -> Extraction:
        def reads(campaign: str) -> list[Read]:
            units = [Unit(client.endpoints[part], campaign, window.start, window.end) for part in parts]
            return [Read(unit, {"campaign_id": campaign}) for unit in units]

        return await extract_children(
            client,
            client.endpoints["campaigns"],
            Campaign,
            reads,
            CouponSession,
            batch,
            context.log,
            finds_deletions=window.is_everything,
        )

    read_result = read_table(context, coupontools, warehouse, CouponSession, read, purpose, window.resumable_for)
    tell_partitions(context, warehouse, CouponSession, "created_at")
    if not context.instance.is_ephemeral:  # else nobody looks at it
        # on one partition alone: a backfill would have the picture on each of a thousand
        last = context.partition_keys[-1] if context.has_partition_key or context.has_partition_key_range else None
        context.add_asset_metadata(_drawn(warehouse, window), CouponSession.TABLE, partition_key=last)
    return read_result


def _drawn(warehouse: WarehouseResource, window: Window) -> dict[str, dg.MarkdownMetadataValue]:
    """The sessions by the day of their creation, up to the last day of the window."""
    last = window.end or datetime.now(UTC).date()
    first = max(min(window.start or FIRST_DAY, last - FEWEST_DAYS_DRAWN), last - MOST_DAYS_DRAWN)
    rows = warehouse.rows_by_day(CouponSession.schema_of_table(), "created_at", first, last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    drawn = by_day({"created": {day: rows.get(day.isoformat(), 0) for day in days}})
    return {"sessions by day": as_picture(drawn, "sessions by day of creation")}
