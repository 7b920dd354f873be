"""The format of a batch's files: Parquet that is written fast, as DuckDB reads it once, and soon."""

from io import BytesIO
from pathlib import Path

import polars as pl

from resources.warehouse.sql import MAX_BYTES_OF_A_ROW_GROUP


def write_batch_file(target: Path | BytesIO, frame: pl.DataFrame) -> None:
    """Write a frame as Parquet. Raises polars' ComputeError if the disk fails."""
    row_groups = -(-int(frame.estimated_size()) // MAX_BYTES_OF_A_ROW_GROUP) or 1
    rows = -(-len(frame) // row_groups) or 1
    frame.write_parquet(target, compression="lz4", statistics=False, row_group_size=rows)
