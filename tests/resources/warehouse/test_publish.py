"""Publishes on real files: what analysts find, what may be shared with the last one, and who may write it."""

import os
import shutil
import stat
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from errno import ENOSPC, ENOTEMPTY, EXDEV
from pathlib import Path
from typing import Any

import duckdb
import pytest

from resources.files import make_writable, remove_tree
from resources.warehouse.errors import WarehouseError
from resources.warehouse.local import publish as publishing
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.parquet_files import write_tables
from resources.warehouse.local.snapshots import UNFINISHED_FOLDER, sweep
from resources.warehouse.schema import ColumnSchema, TableSchema
from resources.warehouse.warehouse import Warehouse
from tests.support.queries import in_parquet, nullabilities_in_parquet
from tests.support.small_table import NOON, QUARANTINE, THINGS, merge, publish, published, thing

pytestmark = pytest.mark.files


def test_a_row_that_moves_to_another_month_leaves_the_old_one(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a", made=datetime(2026, 1, 5)), thing("b", made=datetime(2026, 1, 6)))
    published(warehouse)
    merge(warehouse, thing("a", seen=1, made=datetime(2026, 3, 5)))
    published(warehouse)
    assert in_parquet(warehouse.folder.root, "things", "id, month", with_month=True) == [
        ("a", "2026-03"),
        ("b", "2026-01"),
    ]


def test_a_row_that_loses_its_date_stays_in_its_month(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a", made=datetime(2026, 1, 5)), thing("b", made=None), thing("c", made=None, used=NOON))
    merge(warehouse, thing("a", seen=1, made=None), thing("c", seen=1, made=None, used=datetime(2026, 7, 1)))
    published(warehouse)
    assert in_parquet(warehouse.folder.root, "things", "id, month", with_month=True) == [
        ("a", "2026-01"),
        ("b", None),
        ("c", "2026-01"),
    ]


def test_the_files_of_a_table_declare_the_same_columns_though_only_some_have_rows_without_a_value(
    warehouse: Warehouse,
) -> None:
    for number, colour in enumerate(["red", None]):
        merge(warehouse, thing(str(number), colour, made=datetime(2026, number + 1, 5), used=NOON))
        publish(warehouse)
        assert nullabilities_in_parquet(warehouse.folder.root) == [("OPTIONAL",)]


def test_a_publish_below_a_link_keeps_its_files_also_when_nothing_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "SECONDS_OF_GRACE", -1)
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    with closing(Warehouse(tmp_path / "link" / "data")) as warehouse:
        merge(warehouse, thing("a"))
        for _ in range(2):
            assert published(warehouse) == [thing("a")]
            assert in_parquet(warehouse.folder.root, "things") == [thing("a")]
            assert len(list(warehouse.folder.snapshots.iterdir())) == 1


def test_what_is_published_is_read_only_and_described(warehouse: Warehouse) -> None:
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


def test_a_log_that_a_writing_reader_left_behind_stops_nobody(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a"))
    published(warehouse)
    database = warehouse.folder.database.resolve()
    make_writable(database.parent)
    database.with_suffix(".duckdb.wal").write_bytes(b"left behind")
    merge(warehouse, thing("b"))
    assert len(published(warehouse)) == 2


def test_no_file_of_a_database_is_replaced_under_who_has_found_its_path(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(warehouse, thing("a"))
    published(warehouse)
    first = warehouse.folder.database.resolve()
    seen: list[tuple[int, Path]] = []

    def look(folder: Folder, grace: float) -> None:
        seen.append((first.stat().st_ino, folder.database.resolve()))
        sweep(folder, grace)

    monkeypatch.setattr(publishing, "sweep", look)
    merge(warehouse, thing("b"))
    before = first.stat().st_ino
    publish(warehouse)
    second = warehouse.folder.database.resolve()
    assert seen == [(before, first), (before, second)], "before and after the link is replaced"
    assert second != first
    assert second.name == first.name == "coupontools.duckdb", "DuckDB names the database after the file"
    assert list(warehouse.folder.databases.iterdir()) == [second.parent]


def test_what_a_killed_publish_has_left_takes_no_room_from_the_next(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(warehouse, thing("a"))
    published(warehouse)
    left_over = warehouse.folder.databases / "1795816796.866308"
    left_over.mkdir()
    (left_over / "coupontools.duckdb").write_bytes(b"not seen by anybody")

    def fail(*_: object) -> None:
        assert not left_over.exists()
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    merge(warehouse, thing("b"))
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", fail)
        with pytest.raises(WarehouseError, match="No space left on device"):
            publish(warehouse)
    assert len(published(warehouse)) == 2


def test_where_the_kernel_cannot_copy_the_database_it_is_copied_without(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def copy_one_piece(source: int, target: int, _bytes: int) -> int:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(EXDEV, os.strerror(EXDEV))
        return os.write(target, os.read(source, 5_000))

    monkeypatch.setattr(os, "copy_file_range", copy_one_piece, raising=False)
    merge(warehouse, *(thing(str(number)) for number in range(1_000)))
    assert len(published(warehouse)) == 1_000
    assert len(calls) == (2 if sys.platform == "linux" else 0)


def test_nobody_else_opens_the_stage_once_it_is_copied_but_still_read(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, opened = warehouse.folder.stage, []

    def write_and_look(*arguments: Any) -> int:
        written = write_tables(*arguments)
        copy = warehouse.folder.snapshots / UNFINISHED_FOLDER / warehouse.folder.database.name
        while copy.stat().st_size < stage.stat().st_size:
            time.sleep(0.01)
        opening = f"import duckdb; duckdb.connect({str(stage)!r})"
        opened.append(subprocess.run([sys.executable, "-c", opening], check=False, capture_output=True, text=True))
        return written

    merge(warehouse, thing("a"))
    monkeypatch.setattr(publishing, "write_tables", write_and_look)
    assert published(warehouse) == [thing("a")]
    assert "Could not set lock" in opened[0].stderr


def test_what_cannot_be_deleted_keeps_nothing_else_from_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(warehouse, thing("a"))
    published(warehouse)
    kept, others = warehouse.folder.databases / "1", [warehouse.folder.databases / name for name in ("0", "2")]
    for left_over in (kept, *others):
        left_over.mkdir()

    def remove(folder: Path) -> None:
        if folder == kept:  # as NFS does where somebody has a file of the folder open
            raise OSError(ENOTEMPTY, os.strerror(ENOTEMPTY))
        remove_tree(folder)

    monkeypatch.setattr("resources.warehouse.local.snapshots.remove_tree", remove)
    merge(warehouse, thing("b"))
    assert len(published(warehouse)) == 2
    assert set(warehouse.folder.databases.iterdir()) == {warehouse.folder.database.resolve().parent, kept}


def test_a_publish_leaves_no_old_snapshot_and_no_unfinished_file(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        merge(warehouse, thing(str(number)))
        published(warehouse)
    assert len(list(warehouse.folder.snapshots.iterdir())) == 3, "for readers who are about to open their files"
    (warehouse.folder.snapshots / UNFINISHED_FOLDER).mkdir()
    monkeypatch.setattr(publishing, "SECONDS_OF_GRACE", 0.0)
    published(warehouse)
    assert {path.name for path in warehouse.folder.root.iterdir()} == {
        "coupontools.duckdb",
        "parquet",
        ".databases",
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


def test_a_column_that_a_newer_model_brings_is_added(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a"))
    newer = TableSchema(
        "things", ("id",), (*THINGS.columns, ColumnSchema("size", "BIGINT", "New")), "Things", THINGS.files
    )
    publish(warehouse, [newer, QUARANTINE])
    with duckdb.connect(str(warehouse.folder.database), read_only=True) as connection:
        assert connection.execute("SELECT id, size FROM things").fetchall() == [("a", None)]


def test_files_that_are_older_than_the_database_are_written_again_where_the_stage_is_lost(
    warehouse: Warehouse,
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


def test_what_is_out_already_is_not_published_again(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a"))
    published(warehouse)
    before = warehouse.folder.database.stat().st_ino, warehouse.folder.parquet.readlink()
    published(warehouse)
    assert (warehouse.folder.database.stat().st_ino, warehouse.folder.parquet.readlink()) == before
    more = TableSchema("more", ("id",), (*THINGS.columns,), "More")
    assert publish(warehouse, [THINGS, QUARANTINE, more]).rows == {"things": 1, "quarantine": 0, "more": 0}
    assert published(warehouse, "SELECT count(*) FROM more") == [(0,)]
    merge(warehouse, thing("b"))
    assert len(published(warehouse)) == 2


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o444), (0o027, 0o440), (0o077, 0o400)])
def test_what_is_published_can_be_read_by_whom_the_umask_lets_and_written_by_nobody(
    warehouse: Warehouse, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        merge(warehouse, thing("a"))
        publish(warehouse, texts={"report.html": "<p>"})
    finally:
        os.umask(before)
    root = warehouse.folder.root
    files = [root / "coupontools.duckdb", root / "report.html", *warehouse.folder.parquet.rglob("*.parquet")]
    assert len(files) > 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {mode}
