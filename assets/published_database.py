"""What analysts get: the published database and its Parquet files."""

from typing import Any

import dagster as dg
import duckdb
from dagster import AutomationCondition
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

from assets.catalogue import KEYED, TABLES, marts
from assets.checks import BLOCKING
from assets.plots import as_picture
from assets.policies import FRESHNESS, WAREHOUSE_POOL, as_dagster_failure
from assets.report.dictionary import dictionary
from assets.report.figures import figures
from assets.report.report import report
from resources.warehouse.errors import InUseError
from resources.warehouse.resource import WarehouseResource

FOLLOWS_THE_TABLES = (
    AutomationCondition.any_deps_updated().since(AutomationCondition.newly_requested())
    & ~AutomationCondition.any_deps_in_progress()
    & ~AutomationCondition.in_progress()
    & ~AutomationCondition.any_deps_match(
        AutomationCondition.any_checks_match(AutomationCondition.check_failed(), blocking_only=True)
    )
).with_label("a table was updated, no run works on one, and no blocking check has failed")
"""When a publish is due; `eager` would wait until every day and card since the beginning has been read.

Whether a run has published in the meantime makes no difference: that may have been a moment before the update, and to
publish what is published already does nothing.
"""


@dg.asset(
    group_name="analytics",
    kinds={"duckdb", "parquet"},
    owners=["team:data"],
    tags={"personal_data": "yes"},
    deps=[dg.AssetKey(table.TABLE) for table in KEYED],
    automation_condition=FOLLOWS_THE_TABLES,
    freshness_policy=FRESHNESS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=WAREHOUSE_POOL,
)
def published_database(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """The database coupontools.duckdb and the folder parquet, as analysts see them: all tables of one moment."""
    if reasons := _failed_checks(context.instance):
        raise dg.Failure(
            f"Nothing is published while a blocking check has failed: {'; '.join(reasons)}. The database stays as it "
            "was. Materialise the table again, or run the check again, once the reason is gone."
        )
    context.log.info("published_database: writing the database and the files that have changed")
    with as_dagster_failure(context):
        published = warehouse.publish([table.schema_of_table() for table in TABLES], marts(), _beside)
        # without an instance that stays, nobody looks at them
        drawn = {} if context.instance.is_ephemeral else _pictures(context, warehouse)
    return dg.MaterializeResult(
        metadata={
            "database": dg.MetadataValue.path(str(warehouse.folder.database)),
            "parquet": dg.MetadataValue.path(str(warehouse.folder.parquet)),
            "files written": published.files_written,
            **{f"seconds {stage}": round(seconds, 3) for stage, seconds in published.seconds.items()},
            **{f"rows of {table}": rows for table, rows in published.rows.items()},
            **drawn,
        }
    )


def _beside(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The files that are published with the database."""
    return {"report.html": report(connection, figures(connection)), "dictionary.md": dictionary(connection)}


def _pictures(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dict[str, dg.MarkdownMetadataValue]:
    """The figures of the report, of whatever is published now; none while somebody writes in it."""
    try:
        with warehouse.published() as connection:
            return {name: as_picture(svg, name) for name, svg in figures(connection).items()}
    except InUseError as error:
        context.log.warning(f"published_database: without pictures on this page. {error}")
        return {}


def _failed_checks(instance: dg.DagsterInstance) -> list[str]:
    """The blocking checks that failed when they were last evaluated, in whatever run that was."""
    storage, evaluated, reasons = instance.event_log_storage, {Status.SUCCEEDED, Status.FAILED}, []
    for key, latest in storage.get_latest_asset_check_execution_by_key(BLOCKING).items():
        if latest.status in evaluated:
            found = latest
        else:  # a run that goes on, or that was killed, has it before it
            found = next(iter(storage.get_asset_check_execution_history(key, limit=1, status=evaluated)), latest)
        evaluation = found.evaluation if found.status == Status.FAILED else None
        if evaluation and evaluation.severity == dg.AssetCheckSeverity.ERROR:
            reasons.append(f"{key.name} of {key.asset_key.to_user_string()} ({evaluation.description or 'no reason'})")
    return reasons
