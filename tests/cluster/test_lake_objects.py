"""What a lake's objects are: those of two publishes, few after many small ones, and Parquet files for other readers."""

import json
from dataclasses import replace
from datetime import datetime
from io import BytesIO

import pytest

pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

import polars as pl

from resources.settings import SharedWarehouse
from resources.warehouse.erasure import People, forget
from resources.warehouse.lake import upkeep
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.objects import Objects
from resources.warehouse.schema import ColumnSchema
from resources.warehouse.suppression import NOBODY
from resources.warehouse.warehouse import Warehouse
from tests.support.small_table import ACCOUNT, QUARANTINE, THINGS, merge, publish, thing


def test_the_snapshot_that_is_published_and_the_one_before_outlive_what_nobody_reads(
    hosts: tuple[Warehouse, Warehouse],
) -> None:
    one, _ = hosts
    for number in range(5):
        merge(one, thing(str(number)))
        publish(one)
    with one.engine.open_published() as connection:
        pinned = [row[0] for row in connection.execute("SELECT version FROM _state.published").fetchall()]
        left = [row[0] for row in connection.execute("SELECT snapshot_id FROM ducklake_snapshots('lake')").fetchall()]
        older = f"SELECT count(*) FROM stage.things AT (VERSION => {min(pinned)})"
        assert connection.execute(older).fetchall() == [(4,)]
    assert len(pinned) == 2
    assert set(pinned) <= set(left)
    assert len(left) == 3


def test_many_small_objects_are_written_anew_as_few_and_readers_of_the_publish_before_go_on(
    hosts: tuple[Warehouse, Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    for number in range(4):
        merge(one, thing("a", seen=number), thing(f"b{number}"))
    publish(one)
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    before = objects.list_below("lake/stage/things")
    monkeypatch.setattr(upkeep, "MAX_OBJECTS", 0)
    monkeypatch.setattr(upkeep, "GRACE", "0 SECONDS")
    merge(one, thing("c"))
    with two.engine.open_published() as reader:
        publish(one)
        assert reader.execute("SELECT count(*) FROM things").fetchall() == [(6,)]
        version = reader.execute("SELECT min(version) FROM _state.published").fetchall()[0][0]
        assert reader.execute(f"SELECT count(*) FROM stage.things AT (VERSION => {version})").fetchall() == [(5,)]
    for number in range(2):
        merge(one, thing(f"d{number}"))
        publish(one)
    with two.engine.open_published() as reader:
        assert reader.execute("SELECT count(*), count(DISTINCT id) FROM things").fetchall() == [(8, 8)]
    assert len(objects.list_below("lake/stage/things")) < len(before)


def test_an_object_that_a_killed_merge_has_left_is_deleted_once_it_is_old_enough(
    hosts: tuple[Warehouse, Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    objects, left = Objects(LakeAddress.of(SharedWarehouse.read())), "lake/stage/things/left-over.parquet"
    for number, (grace, is_there) in enumerate([(upkeep.GRACE, True), ("0 SECONDS", False)]):
        monkeypatch.setattr(upkeep, "GRACE", grace)
        merge(one, thing(str(number)))
        objects.put(left, b"rows that were never committed")
        publish(two)
        assert (left in objects.list_below("lake")) is is_there
    with one.engine.open_published() as reader:
        before = reader.execute("SELECT min(version) FROM _state.published").fetchall()[0][0]
        assert reader.execute(f"SELECT id FROM stage.things AT (VERSION => {before})").fetchall() == [("0",)]
        assert reader.execute("SELECT id FROM things ORDER BY ALL").fetchall() == [("0",), ("1",)]


def test_parquet_files_are_published_whole_and_only_changed_ones_are_written(
    hosts: tuple[Warehouse, Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_PUBLISH_PARQUET", "true")
    one, two = hosts
    february = datetime(2026, 2, 1)
    merge(one, thing("a"), thing("b", made=february))
    assert publish(one).files_written == 3
    assert publish(two).files_written == 0
    first = in_tree()
    merge(two, thing("a", "blue", seen=1))
    assert publish(two).files_written == 1
    current = in_tree()
    assert {name.partition("/")[2] for name in current} == {
        "things/month=2026-01/data_0.parquet",
        "things/month=2026-02/data_0.parquet",
        "quarantine/data_0.parquet",
    }
    assert pl.concat([rows for name, rows in current.items() if "things" in name])["colour"].to_list() == [
        "blue",
        "red",
    ]
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    left = set(objects.list_below("published"))
    assert left == {f"published/{name}" for name in (*first, *current)}
    one.engine.write_suppression(one.engine.read_suppression(None))
    with one.engine.hold_writer_lock():
        with one.engine.open_stage() as connection:
            connection.execute("DELETE FROM things WHERE id = 'b'")
        one.engine.erase_history([THINGS, QUARANTINE], NOBODY)
    assert set(objects.list_below("published")) == {f"published/{name}" for name in in_tree()}
    assert [rows["id"].to_list() for name, rows in in_tree().items() if "things" in name] == [["a"]]


def test_a_parquet_file_that_was_lost_is_written_again_by_the_next_publish(
    hosts: tuple[Warehouse, Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_PUBLISH_PARQUET", "true")
    one, two = hosts
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    merge(one, thing("a"), thing("b", made=datetime(2026, 2, 1)))
    publish(one)
    for changed in ([], [thing("c", made=datetime(2026, 3, 1))]):
        (lost,) = (name for name in in_tree() if "month=2026-01" in name)
        objects.delete([f"published/{lost}"])
        if changed:
            merge(one, *changed)
        publish(two)
        assert [rows["id"].to_list() for name, rows in in_tree().items() if "month=2026-01" in name] == [["a"]]


def test_all_parquet_files_get_the_columns_of_a_newer_version_also_after_somebody_was_forgotten(
    hosts: tuple[Warehouse, Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_PUBLISH_PARQUET", "true")
    one, two = hosts
    newer = replace(THINGS, columns=(*THINGS.columns, ColumnSchema("size", "BIGINT", "New")))
    merge(one, thing("a"), thing("b", made=datetime(2026, 2, 1)))
    publish(one)
    assert publish(two, [newer, QUARANTINE]).files_written == 3
    assert columns_in_tree() == {tuple(newer.column_names)}
    merge(one, thing("c"))
    newest = replace(newer, columns=(*newer.columns, ColumnSchema("weight", "BIGINT", "New")))
    people = People(["zoe@example.com"], [], ACCOUNT, None)
    forget(two.engine, two.store, people, [newest, QUARANTINE])
    assert columns_in_tree() == {tuple(newer.column_names)}, "what was merged since is not published"
    publish(two, [newest, QUARANTINE])
    assert columns_in_tree() == {tuple(newest.column_names)}


def test_parquet_files_that_are_no_longer_published_are_deleted(
    hosts: tuple[Warehouse, Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    monkeypatch.setenv("COUPONTOOLS_PUBLISH_PARQUET", "true")
    merge(one, thing("a"))
    publish(one)
    monkeypatch.setenv("COUPONTOOLS_PUBLISH_PARQUET", "false")
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    assert objects.list_below("published")
    publish(two)
    assert objects.list_below("published") == []
    assert objects.read_with_etag("current.json") == (b"", None)


def columns_in_tree() -> set[tuple[str, ...]]:
    """The columns of the files of things: how many ways there are to have them."""
    return {tuple(rows.columns) for name, rows in in_tree().items() if "things" in name}


def in_tree() -> dict[str, pl.DataFrame]:
    """The published Parquet files, by the snapshot and their place."""
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    current = json.loads(objects.read("current.json"))
    names = sorted(f"{current['tree']}/{name}" for files in current["files"].values() for name in files)
    return {name.removeprefix("published/"): pl.read_parquet(BytesIO(objects.read(name))) for name in names}
