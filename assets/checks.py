"""The audit between stage and publish: what must hold of a table before anybody sees it."""

from collections.abc import Iterator

import dagster as dg

from assets.analytics import KEYED
from assets.loading import failing_clearly
from resources.warehouse.resource import WarehouseResource

_UNIQUE_KEYS = {
    dg.AssetCheckKey(dg.AssetKey(table.TABLE), "unique_keys"): (
        table,
        dg.AssetCheckSpec(
            "unique_keys",
            asset=table.TABLE,
            blocking=True,
            description="Each key stands in one row of the stage.",
        ),
    )
    for table in KEYED
}


@dg.multi_asset_check(specs=[spec for _, spec in _UNIQUE_KEYS.values()], can_subset=True)
def unique_keys(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
    """Look at all tables of the run at once: opening the stage takes longer than most of them."""
    chosen = {key: _UNIQUE_KEYS[key][0].schema_of_table() for key in context.selected_asset_check_keys}
    with failing_clearly():
        repeated = warehouse.repeated_keys(list(chosen.values()))
    for key, table in chosen.items():
        found = repeated[table.name]
        yield dg.AssetCheckResult(
            asset_key=key.asset_key, check_name=key.name, passed=found == 0, metadata={"repeated keys": found}
        )


CHECKS = [unique_keys]
