"""What is run together."""

import dagster as dg

export = dg.define_asset_job(
    "export",
    selection=dg.AssetSelection.all(),
    description="Read a range of days of the account, check the tables, and publish them.",
)
