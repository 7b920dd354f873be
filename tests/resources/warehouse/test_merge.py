"""Merges into the stage: which observation of a key wins, what counts as deleted, and what is left on the disk."""

import itertools
import stat
import threading
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.warehouse import brief_observations, deletions
from resources.warehouse import merge as merging
from resources.warehouse.batch import CompletedSlice, SliceKey
from resources.warehouse.deletions import CompleteRead
from resources.warehouse.local import stage_file
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.warehouse import Warehouse
from tests.support.examples import examples
from tests.support.queries import in_parquet
from tests.support.small_table import NOON, PLAN, REJECTED, ROWS, done, fill, merge, open_batch, published, thing

observations = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), max_size=4, unique=True), min_size=1, max_size=4
)


@pytest.mark.files
@given(batches=observations, data=st.data())
@examples(5)
def test_the_newest_observation_wins_in_any_order_and_however_often(
    batches: list[list[tuple[str, int]]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        warehouse = Warehouse(folder)
        for batch in [*data.draw(st.permutations(batches)), data.draw(st.sampled_from(batches))]:
            merge(warehouse, *(thing(identifier, f"colour {seen}", seen) for identifier, seen in batch))
        newest: dict[str, int] = {}
        for identifier, seen in itertools.chain(*batches):
            newest[identifier] = max(seen, newest.get(identifier, 0))
        expected = [thing(identifier, f"colour {seen}", seen) for identifier, seen in sorted(newest.items())]
        assert published(warehouse) == expected
        assert in_parquet(Path(folder), "things") == expected


@given(
    seen=st.dictionaries(st.sampled_from("abc"), st.integers(0, 20), min_size=1),
    read_at=st.integers(0, 20),
    data=st.data(),
)
@examples(5)
def test_a_row_is_deleted_if_a_complete_read_is_newer_than_its_last_observation(
    seen: dict[str, int], read_at: int, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        warehouse = Warehouse(folder)
        merge(warehouse, *(thing(name, seen=-1) for name in "abc"))
        for name in data.draw(st.permutations([*seen, "complete read"])):
            if name == "complete read":
                merge(warehouse, complete_reads=[CompleteRead(NOON + timedelta(seconds=read_at))])
            else:
                merge(warehouse, thing(name, seen=seen[name]))
        expected = [(name, read_at > seen.get(name, -1)) for name in "abc"]
        assert published(warehouse, "SELECT id, _deleted_at IS NOT NULL FROM things ORDER BY ALL") == expected


@pytest.mark.files
def test_a_complete_read_of_a_part_deletes_nothing_elsewhere(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a", "red"), thing("b", "red"), thing("c", "blue"), thing("d", "green"))
    at = NOON + timedelta(seconds=1)
    red, green = CompleteRead(at, {"colour": "red"}), CompleteRead(at, {"colour": "green"})
    merge(warehouse, thing("a", "red", 2), complete_reads=[red, green], still_there=["b"])
    query = "SELECT id, _deleted_at FROM things ORDER BY id"
    assert published(warehouse, query) == [("a", None), ("b", None), ("c", None), ("d", at)]
    files = in_parquet(warehouse.folder.root, "things", "id, _deleted_at")
    assert files == published(warehouse, query)


def test_no_row_is_lost_or_doubled_where_a_merge_marks_rows_as_deleted_that_it_has_brought(
    warehouse: Warehouse,
) -> None:
    names = [f"{number}{letter}" for number in range(4) for letter in "abcde"]
    for number in range(4):  # DuckLake gives rows of several such transactions the same numbers
        new = [thing(name, seen=10 * number) for name in names if name.startswith(str(number))]
        merge(warehouse, *new, complete_reads=[CompleteRead(NOON + timedelta(seconds=10 * number + 5))])
    merge(warehouse, *(thing(name, "green", 100) for name in names[::2]))
    assert [row[0] for row in published(warehouse)] == names


def test_many_rows_are_replaced_and_deleted_some_at_a_time(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (merging, deletions):
        monkeypatch.setattr(module, "MAX_ROWS_AT_ONCE", 3)
    names = [f"{number:02}" for number in range(40)]
    merge(warehouse, *map(thing, names))
    newer = [thing(name, "green", 9) for name in names[::2]]
    merged = merge(warehouse, *newer, complete_reads=[CompleteRead(NOON + timedelta(seconds=5))])
    assert (merged.new, merged.touched, merged.deleted) == (0, 20, 20)
    query = "SELECT id, colour, _deleted_at IS NULL FROM things ORDER BY id"
    assert published(warehouse, query) == [
        (name, "red" if number % 2 else "green", number % 2 == 0) for number, name in enumerate(names)
    ]


def test_what_a_wrong_clock_saw_in_the_future_gives_way(warehouse: Warehouse) -> None:
    years = int(timedelta(days=36_500).total_seconds())
    merge(warehouse, thing("a", "of 2126", years), thing("b", "of 2126", years))
    merge(warehouse, thing("a", "of now", 1), complete_reads=[CompleteRead(NOON)])
    assert published(warehouse, "SELECT id, colour FROM things ORDER BY id") == [("a", "of now"), ("b", "of 2126")]


def test_quarantine_is_replaced_by_reading_the_same_or_a_wider_window_again(warehouse: Warehouse) -> None:
    january, year = done(date(2026, 1, 1), date(2026, 1, 31)), done(date(2026, 1, 1), date(2026, 12, 31))
    query = "SELECT record FROM quarantine ORDER BY ALL"
    merge(warehouse, rejected=["x", "y"], slice_=january)
    assert published(warehouse, query) == [("x",), ("y",)]
    merge(warehouse, rejected=["y"], slice_=january)
    assert published(warehouse, query) == [("y",)]
    merge(warehouse, rejected=["z"], slice_=done(date(2026, 2, 1), date(2026, 2, 28)))
    assert published(warehouse, query) == [("y",), ("z",)]
    merge(warehouse, slice_=year)
    assert published(warehouse, query) == []


def test_a_record_that_ranges_of_days_that_overlap_reject_is_in_quarantine_once(warehouse: Warehouse) -> None:
    query = "SELECT record, window_start FROM quarantine ORDER BY ALL"
    for day in (5, 6, 7):
        merge(warehouse, rejected=["x", "y"], slice_=done(date(2026, 1, day), date(2026, 1, day + 2)))
    assert published(warehouse, query) == [("x", datetime(2026, 1, 7)), ("y", datetime(2026, 1, 7))]
    merge(warehouse, rejected=["y"], slice_=done(date(2026, 1, 8), date(2026, 1, 10)))
    assert published(warehouse, query) == [("x", datetime(2026, 1, 7)), ("y", datetime(2026, 1, 8))]


def test_a_merge_that_fails_leaves_the_stage_as_it_was(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a"))
    with open_batch(warehouse, "things") as batch:
        rejected = [("things", "v3/things", "p", None, None, "x", NOON)]
        batch.add(pl.DataFrame([thing("b")], ROWS, orient="row"), pl.DataFrame(rejected, REJECTED, orient="row"))
        batch.complete(done())
        batch.flush()
        warehouse.store.write_note(batch.name, "000001.rejected.parquet", b"this is no Parquet file")
        with pytest.raises(duckdb.Error):
            merge_batch(warehouse.engine, batch, PLAN)
    assert published(warehouse) == [thing("a")]


def test_two_writers_wait_for_each_other(warehouse: Warehouse) -> None:
    threads = [threading.Thread(target=merge, args=(warehouse, thing(str(number)))) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row[0] for row in published(warehouse)] == [str(number) for number in range(6)]


@pytest.mark.files
def test_a_stage_that_holds_more_room_than_rows_is_written_anew(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_file, "MIN_FREE_BLOCKS", 20)

    def merge_numbers(day: int, colour: pl.Expr) -> None:
        made = NOON + timedelta(days=1) * pl.col("id").cast(pl.Int64).mod(90)
        rows = pl.select(pl.int_range(150_000).cast(pl.String).alias("id")).with_columns(
            made_at=made, used_at=None, colour=colour, _extracted_at=NOON + timedelta(days=day), _deleted_at=None
        )
        with open_batch(warehouse, "things") as batch:
            batch.add(rows.cast(ROWS), pl.DataFrame(schema=REJECTED))  # type: ignore[arg-type]
            batch.complete(done())
            batch.flush()
            merge_batch(warehouse.engine, batch, PLAN)

    for day in range(4):
        merge_numbers(day, pl.col("id").hash(day).cast(pl.String).repeat_by(6).list.join(""))
    merge_numbers(4, pl.lit("red"))
    before = warehouse.folder.stage.stat()
    assert published(warehouse, "SELECT count(*) FROM things WHERE colour = 'red'") == [(150_000,)]
    assert warehouse.folder.stage.stat().st_size < before.st_size / 2
    assert stat.S_IMODE(warehouse.folder.stage.stat().st_mode) == 0o600
    comments = "SELECT comment FROM duckdb_columns() WHERE table_name = 'things' AND column_name = 'colour'"
    assert published(warehouse, comments) == [('It\'s "colour"',)]
    merge(warehouse, thing("40", "blue", seen=10 * 86_400, made=None))
    assert published(warehouse, "SELECT count(*), count(made_at) FROM things") == [(150_000, 150_000)]
    months = in_parquet(warehouse.folder.root, "things", "id, colour, month", with_month=True)
    assert [row for row in months if row[1] == "blue"] == [("40", "blue", "2026-02")]


WHOLE, BRIEF = thing("a", "red", seen=1, used=NOON), thing("a", None, seen=2, made=None, used=NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    "batches", [[[WHOLE], [BRIEF]], [[BRIEF], [WHOLE]], [[BRIEF], [WHOLE], [BRIEF]], [[WHOLE], [BRIEF], [WHOLE]]]
)
def test_what_an_observation_without_its_date_lacks_stays_as_another_has_it(
    warehouse: Warehouse, batches: list[list[tuple[Any, ...]]]
) -> None:
    for rows in batches:
        merge(warehouse, *rows, thing("never dated", None, made=None))
    both = thing("a", "red", seen=2, used=NOON + timedelta(hours=1))
    assert published(warehouse) == [both, thing("never dated", None, made=None)]


@pytest.mark.parametrize("rows", [[WHOLE, BRIEF], [BRIEF, WHOLE]])
def test_two_observations_in_a_batch_are_merged_like_two_in_a_batch_each(
    warehouse: Warehouse, rows: list[tuple[Any, ...]]
) -> None:
    merge(warehouse, *rows, thing("never dated", "red", made=None), thing("never dated", None, seen=1, made=None))
    both = thing("a", "red", seen=2, used=NOON + timedelta(hours=1))
    assert published(warehouse) == [both, thing("never dated", None, seen=1, made=None)]


OPENED = thing("a", None, seen=1, made=None, used=NOON)
CLAIMED = thing("a", "red", seen=2, made=None)
VALIDATED = thing("a", None, seen=3, made=None)


@pytest.mark.parametrize("rows", list(itertools.permutations([OPENED, CLAIMED, VALIDATED])))
@pytest.mark.parametrize("is_one_batch", [True, False])
def test_lists_of_events_that_have_other_fields_each_complete_each_other(
    warehouse: Warehouse, rows: tuple[tuple[Any, ...], ...], is_one_batch: bool
) -> None:
    for observed in [rows] if is_one_batch else [[row] for row in rows]:
        with open_batch(warehouse) as batch:
            batch.complete(CompletedSlice(SliceKey("v3/opens", "p")), CompletedSlice(SliceKey("v3/claims", "p")))
            fill(batch, *observed)
            merge_batch(warehouse.engine, batch, PLAN)
    assert published(warehouse) == [thing("a", "red", seen=3, made=None, used=NOON)]


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_many_brief_observations_are_completed_some_at_a_time(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, *, is_one_batch: bool
) -> None:
    monkeypatch.setattr(brief_observations, "MAX_ROWS_COMPLETED_AT_ONCE", 3)
    names = [f"{number:02}" for number in range(20)]
    lists = [[(name, *row[1:]) for name in names] for row in (OPENED, CLAIMED, VALIDATED)]
    lists[0] += [thing("dated", seen=1), thing("of one list", "red", made=None)]
    lists[1] += [thing("dated", None, seen=2, made=None)]
    for observed in [list(itertools.chain(*lists))] if is_one_batch else lists:
        with open_batch(warehouse) as batch:
            batch.complete(CompletedSlice(SliceKey("v3/opens", "p")), CompletedSlice(SliceKey("v3/claims", "p")))
            fill(batch, *observed)
            merge_batch(warehouse.engine, batch, PLAN)
    completed = [thing(name, "red", seen=3, made=None, used=NOON) for name in names]
    assert published(warehouse) == [*completed, thing("dated", seen=2), thing("of one list", "red", made=None)]


def test_the_newest_observation_of_a_list_says_all_even_if_it_has_no_date(warehouse: Warehouse) -> None:
    for row in (OPENED, VALIDATED):
        merge(warehouse, row)
    assert published(warehouse) == [VALIDATED]


def test_a_later_observation_with_a_date_replaces_a_completed_one_whole(warehouse: Warehouse) -> None:
    newest = thing("a", None, seen=3)
    for row in (WHOLE, BRIEF, newest):
        merge(warehouse, row)
    assert published(warehouse) == [newest]


def test_a_deleted_row_that_is_observed_without_its_date_is_live_again_and_complete(
    warehouse: Warehouse,
) -> None:
    merge(warehouse, WHOLE)
    merge(warehouse, complete_reads=[CompleteRead(NOON + timedelta(seconds=2))])
    merge(warehouse, thing("a", None, seen=3, made=None))
    assert published(warehouse) == [thing("a", "red", seen=3, used=NOON)]


def test_a_slice_that_was_not_read_to_its_end_replaces_only_the_rejected_records_that_it_brought_again(
    warehouse: Warehouse,
) -> None:
    query, cut_off = "SELECT record FROM quarantine ORDER BY ALL", replace(done(), is_complete=False)
    merge(warehouse, rejected=["bad", "worse"])
    merge(warehouse, rejected=["<html>", "bad"], slice_=cut_off)
    assert published(warehouse, query) == [("<html>",), ("bad",), ("worse",)]
    merge(warehouse, rejected=["<html>"], slice_=cut_off)
    assert published(warehouse, query) == [("<html>",), ("bad",), ("worse",)]
    merge(warehouse, rejected=["bad", "redacted", "redacted"])
    merge(warehouse, rejected=["redacted"], slice_=cut_off)
    assert published(warehouse, query) == [("bad",), ("redacted",), ("redacted",)]
