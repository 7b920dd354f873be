"""The asset `published_database`: the database and the Parquet files that analysts read.

Its views, the report and the dictionary are assets of their own, so that the lineage shows what they are made of.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster import AutomationCondition

from assets.asset_checks import audit_the_rest, failed_checks
from assets.catalogue import KEYED
from assets.dagster_internals import AUTOMATION_CONDITION_TAG, latest_versions
from assets.one_warehouse import WAREHOUSE, refuse_older_copy, refuse_other_warehouses
from assets.pictures import as_picture
from assets.plots import WIDE
from assets.policies import FRESHNESS, WAREHOUSE_POOL, as_dagster_failure
from assets.relations import Relation, relations_of_models
from assets.report.figures import query_figures
from assets.report.metrics import note_published
from assets.report.publish import publish
from assets.report.report import MARTS as MARTS_OF_REPORT
from assets.table_assets import PARTITIONS
from resources.warehouse.errors import InUseError
from resources.warehouse.publication import PublishResult
from resources.warehouse.queries import read_warehouse_id
from resources.warehouse.warehouse import Warehouse

FOLLOWS_THE_TABLES = (
    AutomationCondition.any_deps_updated().since(AutomationCondition.newly_requested())
    & ~AutomationCondition.any_deps_in_progress()
    & ~AutomationCondition.in_progress()
    & ~AutomationCondition.any_deps_match(
        AutomationCondition.any_checks_match(AutomationCondition.check_failed(), blocking_only=True)
    )
).with_label("a table was updated, no run works on one, and no blocking check has failed")
"""When a publish is requested; `eager` would wait until every day and card since the start date has been read.

It does not matter whether a run has published in the meantime: that may have been just before the update, and
publishing again what is published does nothing; see `_is_known_as_published`.
"""


def _spec_of_mart(relation: Relation) -> dg.AssetSpec:
    columns = [dg.TableColumn(column.name, column.sql_type, column.comment) for column in relation.columns]
    return dg.AssetSpec(
        [relation.schema, relation.name],
        deps=relation.reads,
        group_name="marts",
        kinds={"duckdb", "view"},
        owners=["team:data"],
        tags={"personal_data": "yes" if any(column.is_personal for column in relation.columns) else "no"},
        freshness_policy=FRESHNESS,
        description=f"{relation.comment}.",
        metadata={"dagster/column_schema": dg.TableSchema(columns), "dagster/table_name": relation.title},
    )


def _spec_of_file(name: str, kind: str, description: str, deps: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        name,
        deps=deps,
        group_name="analytics",
        kinds={kind},
        owners=["team:data"],
        tags={"personal_data": "no"},
        freshness_policy=FRESHNESS,
        description=description,
    )


DATABASE = dg.AssetSpec(
    "published_database",
    deps=[table.TABLE for table in KEYED],
    group_name="analytics",
    kinds={"duckdb", "parquet"},
    owners=["team:data"],
    tags={"personal_data": "yes"},
    automation_condition=FOLLOWS_THE_TABLES,
    freshness_policy=FRESHNESS,
    description="The database coupontools.duckdb and the folder parquet for analysts: all tables of one moment.",
)

REPORT = _spec_of_file(
    "report",
    "html",
    "The page report.html: headline figures, plots and tables, without personal data.",
    [DATABASE.key, *(dg.AssetKey(["marts", mart]) for mart in MARTS_OF_REPORT)],
)

DICTIONARY = _spec_of_file(
    "dictionary", "markdown", "The file dictionary.md: every table, view and column.", [DATABASE.key]
)

SPECS = (
    DATABASE,
    *(_spec_of_mart(relation) for relation in relations_of_models() if relation.schema == "marts"),
    REPORT,
    DICTIONARY,
)


@dg.multi_asset(
    specs=SPECS,
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=WAREHOUSE_POOL,
)
def published_database(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Publish the database with its views, the Parquet files, the report and the dictionary, whatever is selected.

    Nothing is materialised where that is known already; see `_is_known_as_published`.
    """
    with as_dagster_failure(context.retry_number, warehouse):
        known, warehouse_id = latest_versions(context.instance, PARTITIONS), read_warehouse_id(warehouse.engine)
        refuse_other_warehouses(known, warehouse_id)
        refuse_older_copy(known, warehouse.engine)
        audit_the_rest(warehouse.engine, context.instance, context.run.run_id, warehouse_id)
    if reasons := failed_checks(context.instance, warehouse_id):
        raise dg.Failure(
            f"Nothing is published while a blocking check has failed: {'; '.join(reasons)}. The database stays as it "
            "was. Materialise the table again, or run the check again, once the cause is fixed."
        )
    context.log.info("published_database: writing the database and the files that have changed")
    with as_dagster_failure(context.retry_number, warehouse):
        published = publish(warehouse.engine)
        note_published(published, context.log)
        if _is_known_as_published(context, published):
            context.log.info("published_database: all of it was published before this run")
            return
        pictures = _draw_pictures(context, warehouse)
    of_database = _metadata(warehouse, published) | {WAREHOUSE: warehouse_id} | pictures
    for spec in SPECS:
        metadata = of_database if spec is DATABASE else {}
        if spec.key in context.selected_asset_keys:
            context.add_asset_metadata(metadata, spec.key)  # that of a result is kept with the step's output, too
            yield dg.MaterializeResult(asset_key=spec.key)
        else:  # a run that selects only one of them, as the automation does, has published the others too
            context.log_event(dg.AssetMaterialization(spec.key, metadata=metadata))


def _is_known_as_published(context: dg.AssetExecutionContext, published: PublishResult) -> bool:
    """Whether the automation started this run although the tables it was started for are published already.

    Another materialisation would say nothing new, and Dagster keeps each with its plots for good.
    """
    if published.seconds or AUTOMATION_CONDITION_TAG not in context.run.tags:
        return False
    entries = [record.asset_entry for record in context.instance.get_asset_records([DATABASE.key, *PARTITIONS])]
    newest = max(entries, key=lambda entry: entry.last_materialization_storage_id or 0, default=None)
    return newest is not None and newest.asset_key == DATABASE.key


def _metadata(warehouse: Warehouse, published: PublishResult) -> dict[str, Any]:
    return {
        **{kind: dg.MetadataValue.path(place) for kind, place in warehouse.engine.published_places.items()},
        "files written": published.files_written,
        **{f"seconds {stage}": round(seconds, 3) for stage, seconds in published.seconds.items()},
        **{f"rows of {table}": rows for table, rows in published.rows.items()},
    }


def _draw_pictures(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dict[str, dg.MarkdownMetadataValue]:
    """Draw the figures of what is published now; none while another program has the database open for writing."""
    try:
        with warehouse.engine.open_published() as connection:
            return {name: as_picture(figure.draw(WIDE), name) for name, figure in query_figures(connection).items()}
    except InUseError as error:
        context.log.warning(f"published_database: no plots are shown on this page. {error}")
        return {}
