"""Merges days of touched sessions into a large table spread over a year, and publishes: seconds, bytes, files.

uv run --group benchmarks python -m tests.benchmarks.days --rows 10000000 --touched 100000 --days 50
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from resources.setting_values import SANDBOX
from resources.warehouse.batch import BatchKey, CompletedSlice, SliceKey
from resources.warehouse.batches import open_batch
from resources.warehouse.merge import MergePlan
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.origin import Origin
from resources.warehouse.warehouse import Warehouse

FIRST = datetime(2026, 1, 1)
SCHEMA = CouponSession.schema_of_table()
ROWS_OF_A_FRAME = 100_000
DATES = {"opened_at": 60, "claimed_at": 3_600, "validated_at": 86_400}
"""Seconds after the creation of a session."""


def sessions(numbers: str, observed_at: datetime) -> str:
    """Query sessions, made up from the column `i` of a relation, as they are observed at a moment."""
    made_up = {
        "session_id": "substr(md5(i::VARCHAR), 1, 21)",
        "campaign_id": "'cam_' || i % 20",
        "sequence_id": "i",
        "session_url": "'https://digicpn.com/p/abcdef/' || substr(md5(i::VARCHAR), 1, 21)",
        "email": "'person' || i || '@example.org'",
        "is_opened": "i % 3 = 0",
        "_extracted_at": f"TIMESTAMP '{observed_at}'",
        "created_at": "created",
        **{
            name: f"CASE WHEN i % 3 = 0 THEN created + {seconds} * INTERVAL 1 SECOND END"
            for name, seconds in DATES.items()
        },
    }
    values = ", ".join(
        f"({made_up.get(column.name, 'NULL')})::{column.sql_type} AS {column.name}" for column in SCHEMA.columns
    )
    created = f"TIMESTAMP '{FIRST}' + (hash(i) % (365 * 86400)) * INTERVAL 1 SECOND"
    return f"SELECT {values} FROM (SELECT i, {created} AS created FROM ({numbers}))"


def frames(query: str, folder: Path) -> Iterator[pl.DataFrame]:
    """The rows of a query, so many at a time, as the export's frames have them."""
    file = folder / "sessions.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{file}' (ROW_GROUP_SIZE {ROWS_OF_A_FRAME})")
    rows = pl.scan_parquet(file).cast(CouponSession.schema_of_frames())
    total = rows.select(pl.len()).collect().item()
    for offset in range(0, total, ROWS_OF_A_FRAME):
        yield rows.slice(offset, ROWS_OF_A_FRAME).collect()
    file.unlink()


def merge(warehouse: Warehouse, query: str) -> float:
    """Merge the sessions of a query; returns the seconds of the merge alone."""
    nothing_rejected = Quarantine.schema_of_frames().to_frame()
    with open_batch(warehouse.engine, warehouse.store, BatchKey("benchmark", date=SCHEMA.date)) as batch:
        for rows in frames(query, warehouse.folder.root):
            batch.add(rows, nothing_rejected)
        batch.complete(CompletedSlice(SliceKey("v3/campaign/data", "cam_1")))
        batch.flush()
        begun = time.perf_counter()
        merge_batch(warehouse.engine, batch, MergePlan(SCHEMA, Quarantine.schema_of_table(), Origin(SANDBOX)))
        return time.perf_counter() - begun


def publish(warehouse: Warehouse) -> tuple[float, int]:
    """Publish; returns the seconds, and how many files were written."""
    begun = time.perf_counter()
    with warehouse.engine.open_publication([SCHEMA, Quarantine.schema_of_table()]) as publication:
        pass
    return time.perf_counter() - begun, publication.result.files_written


def copy(file: Path) -> float:
    """The seconds that it takes to copy a file, and to have it on disk."""
    begun = time.perf_counter()
    copied = file.with_suffix(".copy")
    with file.open("rb") as source, copied.open("wb") as target:
        while piece := source.read(1 << 20):
            target.write(piece)
    seconds = time.perf_counter() - begun
    copied.unlink()
    return seconds


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--touched", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--publishes", type=int, default=3, help="days that are published too")
    parser.add_argument("--spread", choices=["year", "month"], default="year", help="where the touched sessions are")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        warehouse = Warehouse(name)
        warehouse.folder.make()
        first = merge(warehouse, sessions(f"SELECT range AS i FROM range({options.rows})", FIRST + timedelta(365)))
        print(f"{options.rows:,} sessions at first: merge {first:.2f} s, publish {publish(warehouse)[0]:.2f} s")  # noqa: T201
        merges, publishes = [], []
        for day in range(1, options.days + 1):
            hashed = f"hash(range + {day * options.touched}) % {options.rows}"
            touched = f"SELECT ({hashed})::BIGINT AS i FROM range({options.touched})"
            query = sessions(f"SELECT DISTINCT i FROM ({touched})", FIRST + timedelta(365 + day))
            if options.spread == "month":
                query = f"SELECT * FROM ({query}) WHERE created_at >= '2026-12-01'"
            merges.append(merge(warehouse, query))
            line = f"day {day}: merge {merges[-1]:.2f} s"
            if day <= options.publishes:
                seconds, files = publish(warehouse)
                publishes.append(seconds)
                copying = copy(warehouse.folder.stage)
                line += f", publish {seconds:.2f} s ({files} files; to copy the database alone {copying:.2f} s)"
            print(f"{line}, stage {warehouse.folder.stage.stat().st_size / 1e6:,.0f} MB", flush=True)  # noqa: T201
        print(f"medians: merge {statistics.median(merges):.2f} s, publish {statistics.median(publishes):.2f} s")  # noqa: T201


if __name__ == "__main__":
    main()
