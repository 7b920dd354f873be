"""What is run together."""

import dagster as dg

from assets.partitions import daily

export = dg.define_asset_job(
    "export",
    selection=dg.AssetSelection.all(),
    partitions_def=daily,
    description="Read a range of days of the account, check the tables, and publish them.",
)
