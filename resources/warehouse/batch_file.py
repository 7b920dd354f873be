"""The format of a batch's files: Parquet that is written fast, as DuckDB reads it once, and soon."""

from io import BytesIO
from pathlib import Path

import polars as pl

from resources.warehouse.sql import MAX_BYTES_OF_A_ROW_GROUP

ROWS_OF_A_VECTOR = 2_048
"""Rows that DuckDB reads, or passes over, together."""


def write_batch_file(target: Path | BytesIO, frame: pl.DataFrame) -> None:
    """Write a frame as Parquet. Raises polars' ComputeError if the disk fails."""
    row_groups = -(-int(frame.estimated_size()) // MAX_BYTES_OF_A_ROW_GROUP) or 1
    rows = -(-len(frame) // row_groups) or 1
    frame.write_parquet(target, compression="lz4", statistics=False, row_group_size=rows)


def find_filled(frame: pl.DataFrame) -> list[str]:
    """Find the columns in which a row has a value."""
    return [column.name for column in frame if column.null_count() < len(frame)]


def order_by_month(frame: pl.DataFrame, date: str) -> pl.DataFrame:
    """Put the rows of each month of a date together, unless most are: DuckDB passes over them faster where it can."""
    filled = find_filled(frame)
    if date not in filled:
        return frame
    month = pl.col(date).dt.year().cast(pl.Int32) * 12 + pl.col(date).dt.month()
    changes: int = frame.select(month.rle_id().max()).item()
    if changes * ROWS_OF_A_VECTOR <= len(frame):
        return frame
    return frame.with_columns(frame.select(filled).sort(month, maintain_order=True))
