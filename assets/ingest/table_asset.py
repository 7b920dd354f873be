"""Declares the asset of a table: its AssetSpec, column schema and checks, all derived from the table's model."""

from collections.abc import Callable, Sequence
from inspect import cleandoc
from typing import Any

import dagster as dg

from assets.ingest import checks as reading_checks
from assets.policies import API_POOL, FRESHNESS
from assets.tables.table import Table


def table_asset(
    *tables: type[Table], group: str, partitions: dg.PartitionsDefinition[Any] | None = None
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare the assets of the tables that a function fills, described by their models, and named by the first.

    A backfill of any number of partitions is one run.
    """
    first, *derived = tables
    return dg.multi_asset(
        name=first.TABLE,
        specs=[_spec(first, group), *(_spec(table, group, deps=[first.TABLE]) for table in derived)],
        check_specs=reading_checks.specs(first),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=API_POOL,
    )


def _spec(table: type[Table], group: str, deps: Sequence[str] = ()) -> dg.AssetSpec:
    has_personal_data = any(column.personal for column in table.columns())
    return dg.AssetSpec(
        table.TABLE,
        deps=deps,
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
