"""Batches, merges and publishes on real files."""

import itertools
import os
import shutil
import stat
import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.warehouse import publish
from resources.warehouse.batch import CompletedSlice
from resources.warehouse.deletions import CompleteRead
from resources.warehouse.errors import WarehouseError
from resources.warehouse.local import database_file
from resources.warehouse.local.snapshots import UNFINISHED_FOLDER
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.schema import ColumnSchema, TableSchema
from tests.support.queries import in_parquet
from tests.support.small_table import ACCOUNT, NOON, QUARANTINE, REJECTED, ROWS, THINGS, done, merge, published, thing


@pytest.fixture
def warehouse(tmp_path: Path) -> WarehouseResource:
    return WarehouseResource(data_dir=str(tmp_path / "data"))


observations = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), max_size=4, unique=True), min_size=1, max_size=4
)


@given(batches=observations, data=st.data())
@settings(max_examples=12, deadline=None)
def test_the_newest_observation_wins_in_any_order_and_however_often(
    batches: list[list[tuple[str, int]]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        warehouse = WarehouseResource(data_dir=folder)
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
    whole=st.integers(0, 20),
    data=st.data(),
)
@settings(max_examples=12, deadline=None)
def test_a_row_is_deleted_if_a_whole_read_is_newer_than_its_last_observation(
    seen: dict[str, int], whole: int, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        warehouse = WarehouseResource(data_dir=folder)
        merge(warehouse, *(thing(name, seen=-1) for name in "abc"))
        for name in data.draw(st.permutations([*seen, "whole read"])):
            if name == "whole read":
                merge(warehouse, whole=[CompleteRead(NOON + timedelta(seconds=whole))])
            else:
                merge(warehouse, thing(name, seen=seen[name]))
        expected = [(name, whole > seen.get(name, -1)) for name in "abc"]
        assert published(warehouse, "SELECT id, _deleted_at IS NOT NULL FROM things ORDER BY ALL") == expected


def test_a_whole_read_of_a_part_deletes_nothing_elsewhere(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a", "red"), thing("b", "red"), thing("c", "blue"), thing("d", "green"))
    at = NOON + timedelta(seconds=1)
    red, green = CompleteRead(at, {"colour": "red"}), CompleteRead(at, {"colour": "green"})
    merge(warehouse, thing("a", "red", 2), whole=[red, green], still_there=["b"])
    query = "SELECT id, _deleted_at FROM things ORDER BY id"
    assert published(warehouse, query) == [("a", None), ("b", None), ("c", None), ("d", at)]
    files = in_parquet(warehouse.folder.root, "things", "id, _deleted_at")
    assert files == published(warehouse, query)


def test_what_a_wrong_clock_saw_in_the_future_gives_way(warehouse: WarehouseResource) -> None:
    years = int(timedelta(days=36_500).total_seconds())
    merge(warehouse, thing("a", "of 2126", years), thing("b", "of 2126", years))
    merge(warehouse, thing("a", "of now", 1), whole=[CompleteRead(NOON)])
    assert published(warehouse, "SELECT id, colour FROM things ORDER BY id") == [("a", "of now"), ("b", "of 2126")]


def test_a_row_that_moves_to_another_month_leaves_the_old_one(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a", made=datetime(2026, 1, 5)), thing("b", made=datetime(2026, 1, 6)))
    published(warehouse)
    merge(warehouse, thing("a", seen=1, made=datetime(2026, 3, 5)))
    published(warehouse)
    assert in_parquet(warehouse.folder.root, "things", "id, month", with_month=True) == [
        ("a", "2026-03"),
        ("b", "2026-01"),
    ]


def test_a_row_that_loses_its_date_stays_in_its_month(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a", made=datetime(2026, 1, 5)), thing("b", made=None), thing("c", made=None, used=NOON))
    merge(warehouse, thing("a", seen=1, made=None), thing("c", seen=1, made=None, used=datetime(2026, 7, 1)))
    published(warehouse)
    assert in_parquet(warehouse.folder.root, "things", "id, month", with_month=True) == [
        ("a", "2026-01"),
        ("b", None),
        ("c", "2026-01"),
    ]


def test_quarantine_is_replaced_by_reading_the_same_or_a_wider_window_again(warehouse: WarehouseResource) -> None:
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


def test_a_merge_that_fails_leaves_the_stage_as_it_was(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a"))
    with warehouse.batch("things") as batch:
        batch.add(pl.DataFrame([thing("b")], ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
        batch.complete(done())
        batch.flush()
        (batch.path / "000002.rejected.parquet").write_bytes(b"this is no Parquet file")
        with pytest.raises(duckdb.Error):
            warehouse.merge(batch, THINGS, QUARANTINE, ACCOUNT)
    assert published(warehouse) == [thing("a")]


def test_a_batch_is_taken_up_with_its_complete_parts_only(warehouse: WarehouseResource) -> None:
    with warehouse.batch("things", timedelta(hours=1)) as batch:
        batch.add(pl.DataFrame([thing("a")], ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
        batch.complete(done())
        batch.flush()
        (batch.path / "000002.rows.parquet").write_bytes(b"a part that was cut off")
        (batch.path / "000003.rows.parquet.tmp").write_bytes(b"")
    with warehouse.batch("other things", timedelta(hours=1)) as other:
        assert not other.slices
    with warehouse.batch("things", timedelta(hours=1)) as again:
        assert (again.path, again.slices) == (batch.path, [done()])
        assert [Path(file).name for file in again.files("rows.parquet")] == ["000001.rows.parquet"]
        warehouse.merge(again, THINGS, QUARANTINE, ACCOUNT)
    assert published(warehouse) == [thing("a")]


def test_of_a_merged_batch_only_a_run_that_finds_its_owner_dead_takes_up_the_units(
    warehouse: WarehouseResource,
) -> None:
    def units_left() -> list[CompletedSlice]:
        with warehouse.batch("things", timedelta(hours=1)) as found:
            if not found.merged:
                found.discard()
            return found.merged

    with warehouse.batch("things", timedelta(hours=1)) as batch:
        batch.add(pl.DataFrame([thing("a")], ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
        batch.complete(done())
        batch.flush()
        warehouse.merge(batch, THINGS, QUARANTINE, ACCOUNT)
    assert units_left() == [], "the run goes on"
    assert not batch.files("rows.parquet")
    batch.release()  # as the kernel does when the run is killed
    assert units_left() == [done()]
    warehouse.teardown_after_execution(dg.build_init_resource_context())
    assert units_left() == [], "the run has ended, so that the next one reads everything again"
    assert not batch.path.exists()


def test_a_batch_that_is_in_use_or_out_of_date_is_not_taken_up(warehouse: WarehouseResource) -> None:
    with (
        warehouse.batch("things", timedelta(hours=1)) as one,
        warehouse.batch("things", timedelta(hours=1)) as two,
    ):
        assert one.path != two.path
    with warehouse.batch("old things") as old:
        pass
    with warehouse.batch("things", timedelta(hours=1)):
        assert not old.path.exists(), "what nobody may take up any more is deleted"


def test_rows_that_no_unit_completes_are_written_all_the_same(warehouse: WarehouseResource) -> None:
    with warehouse.batch("things") as batch:
        for number in range(3):
            batch.add(pl.DataFrame([thing(str(number))] * 50_000, ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
        assert len(batch.files("rows.parquet")) == 1


def test_two_writers_wait_for_each_other(warehouse: WarehouseResource) -> None:
    threads = [threading.Thread(target=merge, args=(warehouse, thing(str(number)))) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row[0] for row in published(warehouse)] == [str(number) for number in range(6)]


def test_a_merge_that_needs_the_disk_for_its_work_leaves_the_next_one_room(
    warehouse: WarehouseResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database_file._SETTINGS, "memory_limit", "100MB")
    database_file._engine.cache_clear()
    numbers = pl.select(pl.int_range(1_000_000).cast(pl.String).str.pad_start(48, "x")).to_series()
    for day in (1, 2):
        values = {"id": numbers, "colour": numbers, "made_at": NOON, "_extracted_at": NOON + timedelta(days=day)}
        rows = pl.select(pl.lit(values.get(name)).cast(dtype).alias(name) for name, dtype in ROWS.items())
        with warehouse.batch("things") as batch:
            batch.add(rows, pl.DataFrame(schema=REJECTED))
            batch.complete(done())
            batch.flush()
            warehouse.merge(batch, THINGS, QUARANTINE, ACCOUNT)
    assert published(warehouse, "SELECT count(*), min(_extracted_at) FROM things") == [(1_000_000, NOON + timedelta(2))]


def test_a_stage_that_holds_more_room_than_rows_is_written_anew(warehouse: WarehouseResource) -> None:
    def merge_numbers(day: int, colour: pl.Expr) -> None:
        made = NOON + timedelta(days=1) * pl.col("id").cast(pl.Int64).mod(90)
        rows = pl.select(pl.int_range(300_000).cast(pl.String).alias("id")).with_columns(
            made_at=made, used_at=None, colour=colour, _extracted_at=NOON + timedelta(days=day), _deleted_at=None
        )
        with warehouse.batch("things") as batch:
            batch.add(rows.cast(ROWS), pl.DataFrame(schema=REJECTED))  # type: ignore[arg-type]
            batch.complete(done())
            batch.flush()
            warehouse.merge(batch, THINGS, QUARANTINE, ACCOUNT)

    for day in range(4):
        merge_numbers(day, pl.col("id").hash(day).cast(pl.String).repeat_by(6).list.join(""))
    merge_numbers(4, pl.lit("red"))
    before = warehouse.folder.stage.stat()
    assert published(warehouse, "SELECT count(*) FROM things WHERE colour = 'red'") == [(300_000,)]
    assert warehouse.folder.stage.stat().st_size < before.st_size / 2
    assert stat.S_IMODE(warehouse.folder.stage.stat().st_mode) == 0o600
    comments = "SELECT comment FROM duckdb_columns() WHERE table_name = 'things' AND column_name = 'colour'"
    assert published(warehouse, comments) == [('It\'s "colour"',)]
    merge(warehouse, thing("40", "blue", seen=10 * 86_400, made=None))
    assert published(warehouse, "SELECT count(*), count(made_at) FROM things") == [(300_000, 299_999)]
    months = in_parquet(warehouse.folder.root, "things", "id, colour, month", with_month=True)
    assert [row for row in months if row[1] == "blue"] == [("40", "blue", "2026-02")]


def test_what_is_published_is_read_only_and_described(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a"))
    comments = "SELECT comment FROM duckdb_columns() WHERE table_name = 'things' AND column_name = 'colour'"
    assert published(warehouse, comments) == [('It\'s "colour"',)]
    assert published(warehouse, "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL") == [
        ("main", "quarantine"),
        ("main", "things"),
    ]
    for path in [warehouse.folder.database, *warehouse.folder.parquet.rglob("*.parquet")]:
        assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    assert stat.S_IMODE(warehouse.folder.state.stat().st_mode) == 0o700


def test_a_log_that_a_writing_reader_left_behind_stops_nobody(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a"))
    published(warehouse)
    warehouse.folder.database.with_suffix(".duckdb.wal").write_bytes(b"left behind")
    merge(warehouse, thing("b"))
    assert len(published(warehouse)) == 2


def test_a_publish_leaves_no_old_snapshot_and_no_unfinished_file(
    warehouse: WarehouseResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        merge(warehouse, thing(str(number)))
        published(warehouse)
    assert len(list(warehouse.folder.snapshots.iterdir())) == 3, "for readers who are about to open their files"
    (warehouse.folder.snapshots / UNFINISHED_FOLDER).mkdir()
    monkeypatch.setattr(publish, "SECONDS_OF_GRACE", 0.0)
    published(warehouse)
    assert {path.name for path in warehouse.folder.root.iterdir()} == {
        "coupontools.duckdb",
        "parquet",
        ".origin.json",
        ".snapshots",
        ".state",
    }
    assert list(warehouse.folder.snapshots.iterdir()) == [warehouse.folder.parquet.resolve()]
    assert {path.name for path in warehouse.folder.state.iterdir()} == {
        "batches",
        "batches.lock",
        "batches.queue",
        "stage.duckdb",
        "writer.lock",
        "writer.queue",
    }
    assert not list(warehouse.folder.batches.iterdir())


def test_a_column_that_a_newer_model_brings_is_added(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a"))
    newer = TableSchema(
        "things", ("id",), (*THINGS.columns, ColumnSchema("size", "BIGINT", "New")), "Things", THINGS.files
    )
    warehouse.publish([newer, QUARANTINE])
    with duckdb.connect(str(warehouse.folder.database), read_only=True) as connection:
        assert connection.execute("SELECT id, size FROM things").fetchall() == [("a", None)]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    warehouse = WarehouseResource(data_dir=str(tmp_path / "file" / "data"))
    with (
        pytest.raises(WarehouseError, match=r"file/data cannot be written: Not a directory"),
        warehouse.batch("things"),
    ):
        pass


def test_files_that_are_older_than_the_database_are_written_again_where_the_stage_is_lost(
    warehouse: WarehouseResource,
) -> None:
    merge(warehouse, thing("a", made=datetime(2026, 1, 5)), thing("b", made=datetime(2026, 2, 5)))
    published(warehouse)
    older = warehouse.folder.parquet.resolve()
    merge(warehouse, thing("a", "blue", seen=1, made=datetime(2026, 1, 5)))
    published(warehouse)
    warehouse.folder.parquet.unlink()  # as after a kill between the two renames of a publish
    warehouse.folder.parquet.symlink_to(f".snapshots/{older.name}")
    shutil.rmtree(warehouse.folder.state)
    merge(warehouse, thing("c", made=datetime(2026, 3, 5)))
    expected = published(warehouse, "SELECT id, colour FROM things ORDER BY ALL")
    assert expected == [("a", "blue"), ("b", "red"), ("c", "red")]
    assert in_parquet(warehouse.folder.root, "things", "id, colour") == expected


def test_batches_that_end_while_others_begin_disturb_nobody(warehouse: WarehouseResource) -> None:
    failed: list[Exception] = []

    def begin_and_end() -> None:
        try:
            for _ in range(20):
                with warehouse.batch("things") as batch:
                    pass
                batch.discard()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=begin_and_end) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert not list(warehouse.folder.batches.iterdir())


def test_what_is_out_already_is_not_published_again(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a"))
    published(warehouse)
    before = warehouse.folder.database.stat().st_ino, warehouse.folder.parquet.readlink()
    published(warehouse)
    assert (warehouse.folder.database.stat().st_ino, warehouse.folder.parquet.readlink()) == before
    more = TableSchema("more", ("id",), (*THINGS.columns,), "More")
    assert warehouse.publish([THINGS, QUARANTINE, more]).rows == {"things": 1, "quarantine": 0, "more": 0}
    assert published(warehouse, "SELECT count(*) FROM more") == [(0,)]
    merge(warehouse, thing("b"))
    assert len(published(warehouse)) == 2


def test_what_is_private_can_be_read_by_its_owner_alone(warehouse: WarehouseResource) -> None:
    merge(warehouse, thing("a"))
    with warehouse.batch("things", timedelta(hours=1)) as batch:
        batch.add(pl.DataFrame([thing("b")], ROWS, orient="row"), pl.DataFrame(schema=REJECTED))
        batch.complete(done())
        batch.flush()
    private = list(warehouse.folder.state.rglob("*"))
    assert any(path.suffix == ".parquet" for path in private)
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in private}
    assert modes == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o444), (0o027, 0o440), (0o077, 0o400)])
def test_what_is_published_can_be_read_by_whom_the_umask_lets_and_written_by_nobody(
    warehouse: WarehouseResource, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        merge(warehouse, thing("a"))
        warehouse.publish([THINGS, QUARANTINE], (), lambda _: {"report.html": "<p>"})
    finally:
        os.umask(before)
    root = warehouse.folder.root
    files = [root / "coupontools.duckdb", root / "report.html", *warehouse.folder.parquet.rglob("*.parquet")]
    assert len(files) > 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {mode}


def test_what_a_dead_run_has_not_read_to_its_end_is_read_again_and_rejected_once(tmp_path: Path) -> None:
    warehouse = WarehouseResource(data_dir=str(tmp_path))
    nothing, day = pl.DataFrame(schema=ROWS), datetime(2026, 1, 5)

    def rejected(parent: str) -> pl.DataFrame:
        return pl.DataFrame([("things", "v3/things", parent, day, day, "{}", NOON)], REJECTED, orient="row")

    def slice_(parent: str, *, complete: bool = True) -> CompletedSlice:
        return CompletedSlice("v3/things", parent, "2026-01-05", "2026-01-05", 1, 1, None, complete)

    with warehouse.batch("things", timedelta(hours=1)) as dead:
        for parent in ("whole", "short", "open"):
            dead.add(nothing, rejected(parent))
        dead.complete(slice_("whole"))
        dead.complete(slice_("short", complete=False))
        dead.flush()
    with warehouse.batch("things", timedelta(hours=1)) as batch:
        assert [each.parent for each in batch.slices] == ["whole"]
        for parent in ("short", "open"):
            batch.add(nothing, rejected(parent))
            batch.complete(slice_(parent))
        batch.flush()
        warehouse.merge(batch, THINGS, QUARANTINE, ACCOUNT)
    assert published(warehouse, "SELECT parent_id FROM quarantine ORDER BY 1") == [("open",), ("short",), ("whole",)]
