"""Reports the run of a table to Dagster: the materialisation with its metadata, and what is noted on its partitions."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg

from assets.check_results import result_of
from assets.ingest import read_checks
from assets.ingest.ingested import Ingested
from assets.one_warehouse import WAREHOUSE, make_version
from assets.partitions import has_partitions
from assets.pictures import as_picture
from assets.plots import by_day
from assets.tables.table import Table, source_of
from assets.window import Window, list_days
from resources.printable import join_names
from resources.utc import utc_today
from resources.warehouse.queries import count_by_day, count_by_value
from resources.warehouse.warehouse import Warehouse

MIN_DAYS_DRAWN, MAX_DAYS_DRAWN = timedelta(days=60), timedelta(days=730)
"""How many days the picture of a table has, counted back from the last day of the run."""


def make_results(ingested: Ingested) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Yield the result of a table, then that of the table of its changes, if it has one.

    If a blocking check has failed, yield the checks alone, for which Dagster fails the step.
    """
    table, version = ingested.table, make_version(ingested.merged)
    evaluations = read_checks.evaluate(ingested)
    evaluated = list(map(result_of, evaluations))
    if any(evaluation.has_failed for evaluation in evaluations):
        # days that show as materialised are read again by no schedule, although rows of them are missing
        yield from evaluated
        return
    yield dg.MaterializeResult(
        asset_key=table.TABLE,
        check_results=evaluated,
        metadata=_metadata(ingested),
        data_version=version,
    )
    if table.HISTORY:
        yield dg.MaterializeResult(
            asset_key=table.HISTORY.TABLE,
            metadata={"rows new": ingested.merged.changed, WAREHOUSE: ingested.merged.warehouse},
            data_version=version,
        )


def _metadata(ingested: Ingested) -> dict[str, str | int | float]:
    report, merged, traffic = ingested.report, ingested.merged, ingested.report.traffic
    return {
        "records read": report.records,
        "rows new": merged.new,
        "rows touched": merged.touched,
        "rows deleted": merged.deleted,
        "records rejected": merged.rejected,
        "records outside the days": report.outside_window,
        "records found under": ", ".join(sorted(report.records_keys)) or "nothing",
        "new API fields": join_names(report.new_fields),
        "slices": report.slices,
        "slices resumed": report.resumed,
        "parents deleted": join_names(report.deleted),
        "lists ended by a short page": report.ended_by_short_page,
        "lists that changed while read": len(report.unstable),
        "records found by reading again": report.recovered,
        "not in the account": " ".join(report.not_available) or "nothing",
        "API requests": traffic.requests,
        "API bytes": traffic.bytes,
        "API retries": traffic.retries,
        "API throttled": traffic.throttled,
        "seconds reading": round(report.seconds, 3),
        "seconds merging": round(ingested.seconds_merging, 3),
        WAREHOUSE: merged.warehouse,
        **({"changes kept": merged.changed} if ingested.table.HISTORY else {}),
    }


def add_row_counts(context: dg.AssetExecutionContext, warehouse: Warehouse, table: type[Table]) -> None:
    """Note on each partition of the run how many rows of the table it has. Raises WarehouseError."""
    source, schema = source_of(table), table.schema_of_table()
    if not (source.partitions and has_partitions(context)):
        return
    keys = context.partition_keys
    if source.partitions == "daily" and source.day:
        rows = count_by_day(
            warehouse.engine, schema, source.day, date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])
        )
    else:
        rows = count_by_value(warehouse.engine, schema, source.parent_column)
    for key in keys:
        context.add_asset_metadata({"dagster/partition_row_count": rows.get(key, 0)}, table.TABLE, partition_key=key)


def add_picture(context: dg.AssetExecutionContext, warehouse: Warehouse, table: type[Table], window: Window) -> None:
    """Draw the rows of a table by day, up to the last day of the run. Raises WarehouseError."""
    column = source_of(table).day
    if not column:
        return
    last = window.end or utc_today()
    first = max(min(window.start or warehouse.start_date, last - MIN_DAYS_DRAWN), last - MAX_DAYS_DRAWN)
    rows = count_by_day(warehouse.engine, table.schema_of_table(), column, first, last)
    svg = by_day({column: {day: rows.get(day.isoformat(), 0) for day in list_days(first, last)}})
    # on one partition alone: a backfill would have the picture on each of a thousand
    partition_key = context.partition_keys[-1] if has_partitions(context) else None
    picture = {"rows by day": as_picture(svg, f"rows by the day of {column}")}
    context.add_asset_metadata(picture, table.TABLE, partition_key=partition_key)
