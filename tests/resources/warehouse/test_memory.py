"""Merges and publishes in little memory: what does not fit goes to the disk, and a large stage is given more."""

import os
from datetime import timedelta

import duckdb
import polars as pl
import pytest

from resources.warehouse.batch import CompletedSlice, SliceKey
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.warehouse import Warehouse
from tests.support.small_table import NOON, PLAN, REJECTED, ROWS, done, merge, open_batch, published, thing


@pytest.mark.files
@pytest.mark.parametrize(("count", "touched"), [(500_000, 500_000), (1_500_000, 500_000)])
def test_a_merge_that_needs_the_disk_for_its_work_leaves_the_next_one_room(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, count: int, touched: int
) -> None:
    monkeypatch.setenv("COUPONTOOLS_DUCKDB_MEMORY_MB", "64")
    for day, numbers in enumerate([pl.int_range(count), pl.int_range(touched) * (count // touched)]):
        ids = pl.select(numbers.cast(pl.String).str.pad_start(48, "x")).to_series()
        values = {"id": ids, "colour": ids, "made_at": NOON, "_extracted_at": NOON + timedelta(days=day)}
        rows = pl.select(pl.lit(values.get(name)).cast(dtype).alias(name) for name, dtype in ROWS.items())
        with open_batch(warehouse, "things") as batch:
            batch.add(rows, pl.DataFrame(schema=REJECTED))
            batch.complete(done())
            batch.flush()
            merge_batch(warehouse.engine, batch, PLAN)
    query = "SELECT count(*), count(*) FILTER (WHERE _extracted_at > TIMESTAMP '2026-01-01 12:00') FROM things"
    assert published(warehouse, query) == [(count, touched)]


@pytest.mark.files
def test_lists_of_events_with_other_fields_and_no_dates_are_merged_in_little_memory(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_DUCKDB_MEMORY_MB", "128")
    ids = pl.select(pl.int_range(200_000).cast(pl.String).str.pad_start(48, "x")).to_series()
    for day in range(2):
        with open_batch(warehouse, "things") as batch:
            for number, name in enumerate(["colour", "used_at"]):
                seen = NOON + timedelta(days=day, seconds=number)
                values = {"id": ids, "_extracted_at": seen, name: ids if name == "colour" else NOON}
                rows = pl.select(pl.lit(values.get(name)).cast(dtype).alias(name) for name, dtype in ROWS.items())
                batch.add(rows, pl.DataFrame(schema=REJECTED))
                batch.complete(CompletedSlice(SliceKey(f"v3/{name}", "p")))
            batch.flush()
            merge_batch(warehouse.engine, batch, PLAN)
    query = "SELECT count(*), count(*) FILTER (WHERE colour = id AND used_at IS NOT NULL) FROM things"
    assert published(warehouse, query) == [(len(ids), len(ids))]


@pytest.mark.files
@pytest.mark.parametrize(
    ("bytes_of_stage", "variable", "expected"),
    [
        (None, None, "256MB"),
        (400_000_000, None, "400MB"),
        (2_000_000_000, None, "640MB"),
        (2_000_000_000, "100", "100MB"),
    ],
)
def test_duckdb_may_use_as_much_memory_as_the_stage_is_large_within_bounds(
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    bytes_of_stage: int | None,
    variable: str | None,
    expected: str,
) -> None:
    merge(warehouse, thing("a"))
    if bytes_of_stage:
        os.truncate(warehouse.folder.stage, bytes_of_stage)  # by a hole, which takes no space
    if variable:
        monkeypatch.setenv("COUPONTOOLS_DUCKDB_MEMORY_MB", variable)
    limit = "SELECT current_setting('memory_limit')"
    with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
        allowed = connection.execute(limit).fetchall()
    with duckdb.connect(config={"memory_limit": expected}) as connection:
        assert allowed == connection.execute(limit).fetchall()
    assert published(warehouse) == [thing("a")]


def test_duckdb_may_be_given_more_memory_than_the_machine_has(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_DUCKDB_MEMORY_MB", str(10**9))
    merge(warehouse, thing("a"))
    assert [row[0] for row in published(warehouse)] == ["a"]


@pytest.mark.files
def test_wide_rows_are_merged_and_published_in_little_memory(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_DUCKDB_MEMORY_MB", "128")
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    pages, texts_of_4_kb = 50, pl.concat_str(pl.int_range(500).hash(seed).cast(pl.String) for seed in range(210))
    texts = pl.select(texts_of_4_kb).to_series()
    with open_batch(warehouse, "things") as batch:
        for page in range(pages):
            ids = pl.Series([f"{page} {number}" for number in range(len(texts))])
            values = {"id": ids, "colour": ids + texts, "made_at": NOON, "_extracted_at": NOON}
            rows = pl.select(pl.lit(values.get(name)).cast(dtype).alias(name) for name, dtype in ROWS.items())
            batch.add(rows, pl.DataFrame(schema=REJECTED))
        batch.complete(done())
        batch.flush()
        merge_batch(warehouse.engine, batch, PLAN)
    assert published(warehouse, "SELECT count(DISTINCT colour) FROM things") == [(pages * len(texts),)]


def test_a_machine_with_many_processors_needs_no_more_memory(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 64)
    merge(warehouse, thing("a"))
    with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
        assert connection.execute("SELECT current_setting('threads') <= 4").fetchall() == [(True,)]
