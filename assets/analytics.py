"""What analysts get: the published database and its Parquet files."""

from typing import Any

import dagster as dg

from assets.campaigns import campaigns
from assets.coupon_sessions import coupon_sessions
from assets.extraction import failing_clearly
from assets.tables.campaigns import Campaign
from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from resources.warehouse.resource import WarehouseResource

TABLES: tuple[type[Table], ...] = (Campaign, CouponSession, Quarantine)
"""Every table that is published."""


@dg.asset(
    group_name="analytics",
    kinds={"duckdb", "parquet"},
    owners=["team:data"],
    deps=[campaigns, coupon_sessions],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def published_database(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """The database coupontools.duckdb and the folder parquet, as analysts see them: all tables of one moment."""
    context.log.info("published_database: writing the database and the files that have changed")
    with failing_clearly():
        published = warehouse.publish([table.schema_of_table() for table in TABLES])
    return dg.MaterializeResult(
        metadata={
            "database": dg.MetadataValue.path(str(warehouse.folder.database)),
            "parquet": dg.MetadataValue.path(str(warehouse.folder.parquet)),
            "files written": published.files_written,
            **{f"rows of {table}": rows for table, rows in published.rows.items()},
        }
    )
