"""Declares the asset of a table: everything about it is derived from the table's model and its Source.

A further endpoint needs two files: its line in `resources/coupontools/endpoints.py`, and a module in `assets/tables`
with the table's model and Source, where `assets/catalogue.py` finds it. A function of its own, in the
module of its group and named in the catalogue, is needed only for a table that `extract_source` cannot read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import dagster as dg

from assets.catalogue import EXTRACTS, KEYED
from assets.check_results import spec_of
from assets.dagster_internals import latest_versions
from assets.ingest import read_checks
from assets.ingest.destination import RunResources
from assets.ingest.ingest import Extract, ingest
from assets.materialization import add_picture, add_row_counts, make_results
from assets.one_warehouse import refuse_older_copy
from assets.partitions import Days, backfill_policy, cards, daily, has_partitions, window_of
from assets.policies import API_POOL, FRESHNESS, as_dagster_failure
from assets.tables.table import Partitions, Table, source_of
from resources.coupontools.account import CoupontoolsAccount
from resources.warehouse.warehouse import Warehouse

_PARTITIONS: Mapping[Partitions, dg.PartitionsDefinition[Any]] = {"daily": daily, "cards": cards}


def table_asset(table: type[Table], extract: Extract) -> dg.AssetsDefinition:
    """Declare the asset of a table, and of the table of its changes; `extract` reads the records."""
    run = _run_of_days(table, extract) if source_of(table).day else _run(table, extract)
    run.__doc__ = extract.__doc__
    return _declaration(table)(run)


def _declaration(table: type[Table]) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    source = source_of(table)
    partitions = _PARTITIONS[source.partitions] if source.partitions else None
    history = [asset_spec(table.HISTORY, source.group, deps=[table.TABLE])] if table.HISTORY else []
    return dg.multi_asset(
        name=table.TABLE,
        specs=[asset_spec(table, source.group), *history],
        check_specs=list(map(spec_of, read_checks.checks_of(table))),
        partitions_def=partitions,
        backfill_policy=backfill_policy(partitions),
        pool=API_POOL,
    )


def _run(table: type[Table], extract: Extract) -> Callable[..., Iterator[Any]]:
    """Make the function that Dagster runs for a table without days."""

    def run(
        context: dg.AssetExecutionContext,
        coupontools: dg.ResourceParam[CoupontoolsAccount],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[Any]:
        yield from _materialize(context, RunResources(coupontools, warehouse, context.log), table, extract)

    return run


def _run_of_days(table: type[Table], extract: Extract) -> Callable[..., Iterator[Any]]:
    """Make the function that Dagster runs for a table with days: its config may name them."""

    def run(
        context: dg.AssetExecutionContext,
        config: Days,
        coupontools: dg.ResourceParam[CoupontoolsAccount],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[Any]:
        yield from _materialize(context, RunResources(coupontools, warehouse, context.log), table, extract, config)

    return run


def _materialize(
    context: dg.AssetExecutionContext,
    resources: RunResources,
    table: type[Table],
    extract: Extract,
    days: Days | None = None,
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Ingest a table, and yield its results for Dagster. Raises dagster.Failure and dagster.RetryRequested."""
    with as_dagster_failure(context.retry_number, resources.warehouse):
        refuse_older_copy(latest_versions(context.instance, PARTITIONS), resources.warehouse.engine)
        window = window_of(context, days, resources.warehouse.start_date) if days else None
        if risk := resources.coupontools.risk():
            context.log.warning(risk)
        ingested = ingest(resources, table, extract, window, _parents_of_run(context, table))
        add_row_counts(context, resources.warehouse, table)
        if window:
            context.add_asset_metadata({"days read": str(window)}, table.TABLE)
            add_picture(context, resources.warehouse, table, window)
    yield from make_results(ingested)


def _parents_of_run(context: dg.AssetExecutionContext, table: type[Table]) -> Sequence[str] | None:
    """Return the ids of the parents that a run reads; None for all of them."""
    has_parents = source_of(table).partitions == "cards" and has_partitions(context)
    return context.partition_keys if has_parents else None


def asset_spec(table: type[Table], group: str, deps: Sequence[str] = ()) -> dg.AssetSpec:
    """Specify the asset of a table."""
    has_personal_data = any(column.personal for column in table.columns())
    return dg.AssetSpec(
        table.TABLE,
        deps=deps,
        skippable=True,  # it is not materialised if a blocking check of what was read has failed
        group_name=group,
        kinds={"coupontools", "duckdb", "parquet"},
        owners=["team:data"],
        tags={"personal_data": "yes" if has_personal_data else "no"},
        freshness_policy=FRESHNESS,
        description=cleandoc(table.__doc__ or ""),
        metadata={
            "dagster/column_schema": _column_schema(table),
            "dagster/table_name": table.TABLE,
            "API": dg.MetadataValue.url(table.PAGE),
        },
    )


def _column_schema(table: type[Table]) -> dg.TableSchema:
    schema = table.schema_of_table()
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.sql_type,
                column.comment,
                dg.TableColumnConstraints(nullable=column.name not in schema.key, unique=(column.name,) == schema.key),
            )
            for column in schema.columns
        ]
    )


ASSETS: dict[type[Table], dg.AssetsDefinition] = {
    table: table_asset(table, extract) for table, extract in EXTRACTS.items()
}
"""The asset of each table that is read from the API."""

PARTITIONS = {
    dg.AssetKey(table.TABLE): ASSETS[table].partitions_def if table in ASSETS else None
    for table in KEYED
    if table not in {other.HISTORY for other in KEYED}  # which are written with their tables
}
"""The partitions of each table that is merged, if it has any."""
