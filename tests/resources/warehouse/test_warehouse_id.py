"""A warehouse has an id of its own, which it keeps wherever it goes."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from resources.warehouse import warehouse_id
from resources.warehouse.queries import read_last_merge, read_warehouse_id
from resources.warehouse.warehouse import Warehouse
from tests.support.small_table import merge, publish, thing

pytestmark = pytest.mark.files


@pytest.fixture
def known(warehouse: Warehouse) -> str:
    """The id of a warehouse with one thing, which is published."""
    merged = merge(warehouse, thing("a"))
    publish(warehouse)
    return merged.warehouse


def test_every_warehouse_has_an_id_of_its_own(warehouse: Warehouse, known: str, tmp_path: Path) -> None:
    other = Warehouse(tmp_path / "other")
    assert read_warehouse_id(warehouse.engine) == known
    assert read_warehouse_id(other.engine) == merge(other, thing("a")).warehouse != known


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_folder_that_is_moved_or_copied_as_a_whole_keeps_its_id(
    warehouse: Warehouse, known: str, tmp_path: Path, move: "shutil._CopyFn"
) -> None:
    move(str(warehouse.folder.root), str(tmp_path / "moved"))
    assert read_warehouse_id(Warehouse(tmp_path / "moved").engine) == known


@pytest.mark.parametrize("lost", [["stage.duckdb"], ["stage.duckdb", "../coupontools.duckdb"]])
def test_a_stage_that_is_made_anew_from_what_is_published_keeps_its_id(
    warehouse: Warehouse, known: str, lost: list[str]
) -> None:
    warehouse.close()
    for name in lost:
        (warehouse.folder.state / name).unlink()
    assert read_warehouse_id(warehouse.engine) == known
    assert merge(warehouse, thing("b")).warehouse == known


def test_each_merge_is_later_than_those_before_whatever_the_clock_says(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    days, moments = [datetime(2026, 1, day, 12) for day in (1, 5, 3, 3)], []
    for day in days:
        monkeypatch.setattr(warehouse_id, "utc_now", lambda day=day: day)
        moments.append(merge(warehouse, thing("a")).merged_at)
    assert moments == [days[0], days[1], *(days[1] + timedelta(microseconds=number) for number in (1, 2))]
    assert read_last_merge(warehouse.engine)[1] == moments[-1]


def test_a_folder_that_is_deleted_and_begun_anew_has_another_id(warehouse: Warehouse, known: str) -> None:
    warehouse.close()
    for path in (warehouse.folder.snapshots, *warehouse.folder.snapshots.rglob("*")):
        path.chmod(0o700)
    shutil.rmtree(warehouse.folder.root)
    assert read_warehouse_id(warehouse.engine) != known
