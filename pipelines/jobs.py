"""The jobs. A job has one kind of partitions, so the users of loyalty cards have a job of their own."""

import dagster as dg

from assets.asset_checks import audit
from assets.partitions import daily
from assets.published_database import published_database
from assets.table_assets import ASSETS
from assets.tables.loyalty_cards import LoyaltyCard
from assets.tables.loyalty_users import LoyaltyUser
from assets.webhook_events import webhook_events

BEFORE_BACKFILLS = {"dagster/priority": "10"}
"""The tag of runs that go before those of backfills in Dagster's queue."""

_all_but_loyalty_users = dg.AssetSelection.all() - dg.AssetSelection.assets(ASSETS[LoyaltyUser])

export = dg.define_asset_job(
    "export",
    selection=_all_but_loyalty_users,
    tags={"coupontools/reads": "days"},
    description="Read a range of days of the account, check the tables, and publish them.",
)

full_export = dg.define_asset_job(
    "full_export",
    selection=_all_but_loyalty_users,
    tags={"coupontools/reads": "everything"},
    config={
        "ops": {
            asset.node_def.name: {"config": {"full": True}}
            for asset in ASSETS.values()
            if asset.partitions_def == daily
        }
    },
    description="Read everything again, whatever the partition: it finds what no window of days shows, and deletions.",
)

export_loyalty_users = dg.define_asset_job(
    "export_loyalty_users",
    selection=dg.AssetSelection.assets(ASSETS[LoyaltyCard], ASSETS[LoyaltyUser], published_database),
    tags={"coupontools/reads": "cards"},
    description="Read the loyalty cards and their users, check them, and publish them with all other tables.",
)

export_webhook_events = dg.define_asset_job(
    "export_webhook_events",
    selection=dg.AssetSelection.assets(webhook_events, published_database)
    | dg.AssetSelection.checks(*audit.check_keys),
    tags={"coupontools/reads": "events"},
    description="Read what webhook events touch, check all tables, and publish them.",
)

publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.assets(published_database) | dg.AssetSelection.checks(*audit.check_keys),
    tags={"coupontools/reads": "nothing"},
    description="Check all tables in the stage, and publish them.",
)
