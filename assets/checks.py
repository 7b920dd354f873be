"""The audit between stage and publish: what must hold of a table before anybody sees it."""

import dagster as dg

from assets.analytics import KEYED
from assets.loading import failing_clearly
from assets.tables.table import Table
from resources.warehouse.resource import WarehouseResource


def _unique_keys(table: type[Table]) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=table.TABLE, blocking=True, name="unique_keys", description="Each key stands in one row of the stage."
    )
    def unique_keys(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with failing_clearly():
            repeated = warehouse.repeated_keys(table.schema_of_table())
        return dg.AssetCheckResult(passed=repeated == 0, metadata={"repeated keys": repeated})

    return unique_keys


CHECKS = [_unique_keys(table) for table in KEYED]
