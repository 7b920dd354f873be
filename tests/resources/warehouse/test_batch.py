"""Batches on real files: what a later run resumes, and what it reads again."""

import stat
import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta
from errno import ENOSPC
from pathlib import Path
from unittest.mock import Mock

import polars as pl
import pytest

from resources.warehouse.batch import CompletedSlice, SliceKey
from resources.warehouse.deletions import CompleteRead
from resources.warehouse.errors import WarehouseError
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.warehouse import Warehouse
from tests.support.small_table import (
    NOON,
    PLAN,
    REJECTED,
    ROWS,
    done,
    fill,
    folder_of,
    merge,
    open_batch,
    published,
    thing,
)


def test_a_batch_is_taken_up_with_its_complete_parts_only(warehouse: Warehouse) -> None:
    with open_batch(warehouse, "things", timedelta(hours=1)) as batch:
        batch.add(pl.DataFrame([thing("a")], ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
        batch.complete(done())
        batch.flush()
        warehouse.store.write_note(batch.name, "000002.rows.parquet", b"a part that was cut off")
        warehouse.store.write_note(batch.name, "000003.rows.parquet.tmp", b"")
    with open_batch(warehouse, "other things", timedelta(hours=1)) as other:
        assert not other.slices
    with open_batch(warehouse, "things", timedelta(hours=1)) as again:
        assert (again.name, again.slices) == (batch.name, [done()])
        assert [Path(file).name for file in again.files("rows")] == ["000001.rows.parquet"]
        merge_batch(warehouse.engine, again, PLAN)
    assert published(warehouse) == [thing("a")]


def test_a_batch_that_is_in_use_or_out_of_date_is_not_taken_up(warehouse: Warehouse) -> None:
    with (
        open_batch(warehouse, "things", timedelta(hours=1)) as one,
        open_batch(warehouse, "things", timedelta(hours=1)) as two,
    ):
        assert one.name != two.name
    with open_batch(warehouse, "old things") as old:
        pass
    with open_batch(warehouse, "things", timedelta(hours=1)):
        assert old.name not in warehouse.store.list_batches(), "what nobody may take up any more is deleted"


def test_a_batch_that_has_lost_a_file_is_neither_merged_nor_taken_up(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a"))
    whole = replace(PLAN, complete_reads=[CompleteRead(NOON + timedelta(seconds=1))])
    with open_batch(warehouse, "things", timedelta(hours=1)) as batch:
        fill(batch, thing("a", seen=2))
        warehouse.store.delete_file(batch.name, "000001.rows.parquet")
        with pytest.raises(WarehouseError, match=r"000001\.rows\.parquet"):
            merge_batch(warehouse.engine, batch, whole)
    with open_batch(warehouse, "things", timedelta(hours=1)) as again:
        assert not again.slices
    assert published(warehouse) == [thing("a")]


@pytest.mark.files
@pytest.mark.parametrize("kind", ["rows", "rejected"])
def test_a_batch_with_a_file_that_was_cut_off_is_read_again(warehouse: Warehouse, kind: str) -> None:
    rejected = pl.DataFrame([("things", "v3/things", "p", None, None, "{}", NOON)], REJECTED, orient="row")
    with open_batch(warehouse, "things", timedelta(hours=1)) as batch:
        batch.add(pl.DataFrame([thing("a")], ROWS, orient="row"), rejected)
        batch.complete(done())
        batch.flush()
        file = folder_of(warehouse, batch) / f"000001.{kind}.parquet"
        file.write_bytes(file.read_bytes()[:-50])
    with open_batch(warehouse, "things", timedelta(hours=1)) as again:
        assert not again.slices
        fill(again, thing("a"))
        merge_batch(warehouse.engine, again, PLAN)
    assert published(warehouse) == [thing("a")]


def test_rows_without_a_completed_slice_are_written_all_the_same(warehouse: Warehouse) -> None:
    with open_batch(warehouse, "things") as batch:
        for number in range(3):
            batch.add(pl.DataFrame([thing(str(number))] * 50_000, ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
        assert len(batch.files("rows")) == 1


def test_rows_of_a_part_that_cannot_be_written_are_in_the_next_with_the_slices_that_they_complete(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, slices = warehouse.store, [done(date(2026, 1, day)) for day in (1, 2, 3)]
    with open_batch(warehouse, "things", timedelta(hours=1)) as batch:
        for slice_, name, refused in zip(slices, "abc", ("write_frame", "write_note", None), strict=True):
            batch.add(pl.DataFrame([thing(name)], ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
            batch.complete(slice_)
            with monkeypatch.context() as patch:
                if refused:
                    patch.setattr(type(store), refused, Mock(side_effect=OSError(ENOSPC, "No space left on device")))
                with pytest.raises(OSError, match="No space") if refused else nullcontext():
                    batch.flush()
    with open_batch(warehouse, "things", timedelta(hours=1)) as again:
        assert again.slices == slices
        assert merge_batch(warehouse.engine, again, PLAN).new == len(slices)


def test_parts_of_which_no_row_has_a_value_of_a_column_are_merged_with_the_others(warehouse: Warehouse) -> None:
    parts = [
        [thing("a", colour=None)],
        [thing("b", colour=None, made=None, used=NOON), thing("c", colour=None)],
        [thing("d", used=NOON), thing("e", colour=None)],
        [thing("a", colour=None, seen=1)],
    ]
    with open_batch(warehouse) as batch:
        for things in parts:
            fill(batch, *things)
        assert [frame.schema for frame in batch.read("rows")] == [pl.Schema(ROWS)] * len(parts)
        batch.rewrite("rows", lambda rows: rows.filter(rows["colour"].is_null()))
        assert merge_batch(warehouse.engine, batch, PLAN).new == len("abce")
    assert published(warehouse) == sorted([*parts[3], *parts[1], parts[2][1]])


@pytest.mark.files
def test_empty_columns_are_written_once_in_a_batch(warehouse: Warehouse) -> None:
    with open_batch(warehouse) as batch:
        for identifier in "ab":
            fill(batch, thing(identifier, colour=None))
        assert [list(pl.read_parquet_schema(file)) for file in batch.files("rows")] == [
            list(ROWS),
            ["id", "made_at", "_extracted_at"],
        ]


@pytest.mark.files
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    warehouse = Warehouse(tmp_path / "file" / "data")
    with (
        pytest.raises(WarehouseError, match=r"file/data cannot be written: Not a directory"),
        open_batch(warehouse, "things"),
    ):
        pass


@pytest.mark.files
def test_batches_that_end_while_others_begin_disturb_nobody(warehouse: Warehouse) -> None:
    failed: list[Exception] = []

    def begin_and_end() -> None:
        try:
            for _ in range(20):
                with open_batch(warehouse, "things") as batch:
                    pass
                batch.delete()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=begin_and_end) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert not list(warehouse.folder.batches.iterdir())


@pytest.mark.files
def test_what_is_private_can_be_read_by_its_owner_alone(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a"))
    with open_batch(warehouse, "things", timedelta(hours=1)) as batch:
        batch.add(pl.DataFrame([thing("b")], ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
        batch.complete(done())
        batch.flush()
    private = list(warehouse.folder.state.rglob("*"))
    assert any(path.suffix == ".parquet" for path in private)
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in private}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_what_a_dead_run_has_not_read_to_its_end_is_read_again_and_rejected_once(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    nothing, day = pl.DataFrame(schema=ROWS), datetime(2026, 1, 5)

    def rejected(parent: str) -> pl.DataFrame:
        return pl.DataFrame([("things", "v3/things", parent, day, day, "{}", NOON)], REJECTED, orient="row")

    def slice_(parent: str, *, complete: bool = True) -> CompletedSlice:
        return CompletedSlice(SliceKey("v3/things", parent, "2026-01-05", "2026-01-05"), 1, 1, is_complete=complete)

    with open_batch(warehouse, "things", timedelta(hours=1)) as dead:
        for parent in ("whole", "short", "open"):
            dead.add(nothing, rejected(parent))
        dead.complete(slice_("whole"))
        dead.complete(slice_("short", complete=False))
        dead.flush()
    with open_batch(warehouse, "things", timedelta(hours=1)) as batch:
        assert [slice_.key.parent for slice_ in batch.slices] == ["whole"]
        for parent in ("short", "open"):
            batch.add(nothing, rejected(parent))
            batch.complete(slice_(parent))
        batch.flush()
        merge_batch(warehouse.engine, batch, PLAN)
    assert published(warehouse, "SELECT parent_id FROM quarantine ORDER BY 1") == [("open",), ("short",), ("whole",)]
