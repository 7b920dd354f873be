"""The speed limit: the same pages downloaded, parsed and cast, into Parquet and DuckDB, and nothing else.

Nothing is checked, kept in `_extra` or quarantine, merged, audited or published. Usage: limit.py URL FOLDER
"""

import asyncio
import io
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import duckdb
import httpx
import polars as pl

from assets.tables.coupon_sessions import CouponSession
from assets.tables.table import Column
from tests.benchmarks.pages import RECORDS_OF_A_PAGE

CONCURRENCY = 4
ROWS_OF_A_FILE = 100_000
COLUMNS = [column for column in CouponSession.columns() if column.paths]


def schema() -> pl.Schema:
    """The declared fields of a record, all of them texts."""
    fields: dict[str, pl.DataType] = {}
    inner: dict[str, dict[str, type[pl.String]]] = {}
    for path in (path for column in COLUMNS for path in column.paths):
        if len(path) == 1:
            fields[path[0]] = pl.String()
        else:
            inner.setdefault(path[0], {})[path[1]] = pl.String
    return pl.Schema(fields | {name: pl.Struct(of) for name, of in inner.items()})


SCHEMA = schema()


def value(column: Column) -> pl.Expr:
    """A typed column out of the first place where it may stand."""
    first, *rest = column.paths[0]
    text = pl.col(first).struct.field(rest[0]) if rest else pl.col(first)
    return column.type.parse(pl.when(text != "").then(text)).alias(column.name)


def frame(page: bytes) -> pl.DataFrame:
    """A page as typed columns."""
    records = page[page.index(b'"data":') + 7 : page.rindex(b"]") + 1]
    return pl.read_json(io.BytesIO(records), schema=SCHEMA).select(value(column) for column in COLUMNS)


def arriving(frames: Queue[pl.DataFrame | None]) -> Iterator[pl.DataFrame]:
    """The frames as they come, until there is None."""
    while (frame := frames.get()) is not None:
        yield frame


def files(frames: Iterable[pl.DataFrame], folder: Path) -> None:
    """Write the frames, some of them in a file."""
    waiting: list[pl.DataFrame] = []
    for number, frame in enumerate(frames):
        waiting.append(frame)
        if sum(map(len, waiting)) >= ROWS_OF_A_FILE:
            pl.concat(waiting).write_parquet(folder / f"{number}.parquet", compression="zstd", compression_level=1)
            waiting = []
    if waiting:
        pl.concat(waiting).write_parquet(folder / "last.parquet", compression="zstd", compression_level=1)


async def read(url: str, frames: Queue[pl.DataFrame | None]) -> None:
    """Read every page of every campaign, a few at a time."""
    loop, limits = asyncio.get_running_loop(), httpx.Limits(max_connections=CONCURRENCY)
    with ThreadPoolExecutor(2) as threads:
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
            campaigns = (await client.post("/v3/coupon/list", json={})).json()["coupon_info"]
            waiting = iter(campaigns)

            async def go_on() -> None:
                for campaign in waiting:
                    number, size = 1, RECORDS_OF_A_PAGE
                    while size == RECORDS_OF_A_PAGE:
                        parameters = {"campaign": campaign["ID"], "page": number}
                        page = (await client.post("/v3/campaign/data", json=parameters)).content
                        size = int(page[: page.index(b'"data"')].split(b'"')[-2])
                        if size:
                            parsed = await loop.run_in_executor(threads, frame, page)
                            await asyncio.to_thread(frames.put, parsed)
                        number += 1

            await asyncio.gather(*(go_on() for _ in range(CONCURRENCY)))


def load(folder: Path) -> None:
    """Make a table of the files."""
    with duckdb.connect(str(folder / "limit.duckdb")) as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"CREATE TABLE coupon_sessions AS FROM read_parquet('{folder}/*.parquet')")
        connection.execute("CHECKPOINT")


def run(url: str, folder: Path) -> None:
    """Do all of it."""
    frames: Queue[pl.DataFrame | None] = Queue(6)
    with ThreadPoolExecutor(1) as writer:
        written = writer.submit(files, arriving(frames), folder)
        try:
            asyncio.run(read(url, frames))
        finally:
            frames.put(None)
        written.result()
    load(folder)


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
