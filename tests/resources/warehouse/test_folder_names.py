"""What stands in the name of the data folder is a name, and neither data nor a pattern."""

import os
import shutil
import signal
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import duckdb
import polars as pl
import pytest

from resources.warehouse.deletions import CompleteRead
from resources.warehouse.local.database_file import LocalDuckDB
from resources.warehouse.local.stage_file import StageFile
from resources.warehouse.warehouse import Warehouse
from tests.support.forked import Forked
from tests.support.small_table import NOON, merge, publish, thing

pytestmark = pytest.mark.files

NAMES = [
    "colour=green/id=x/made_at=2020-01-01/table_name=others/endpoint=e/parent_id=q/month=1999-01/a*c",
    r"""it's a we?rd[1]*\dir of "Zoë" {a,b} %41 $HOME ~/[ab]?""",
]


Published: TypeAlias = list[list[list[tuple[object, ...]]]]
"""The rows of each table after each step."""


def tables(warehouse: Warehouse, elsewhere: Path) -> list[list[tuple[object, ...]]]:
    """All that is published, read in ways that take no name for more than that."""
    publish(warehouse)
    copy = shutil.copyfile(warehouse.folder.database, elsewhere / "copy.duckdb")
    with duckdb.connect(str(copy), read_only=True) as connection:
        tables = [connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in ("things", "quarantine")]
    copy.unlink()
    with warehouse.engine.open_published() as connection:
        assert tables[0] == connection.execute("FROM main.things ORDER BY ALL").fetchall()
    for table, of_database in zip(("things", "quarantine"), tables, strict=True):
        files = sorted((warehouse.folder.parquet / table).rglob("*.parquet"))
        frame = pl.read_parquet(files, glob=False, hive_partitioning=False)
        assert sorted(frame.rows(), key=repr) == sorted(of_database, key=repr)
    return tables


def whole_life(data_dir: Path, elsewhere: Path) -> Published:
    """What is published after each step that reads files: merges, losses, and a stage written anew."""
    warehouse = Warehouse(data_dir)
    merge(warehouse, thing("a"), thing("b", made=None, used=NOON), thing("c"), thing("d"), rejected=["{1}", "{2}"])
    steps = [tables(warehouse, elsewhere)]
    merge(warehouse, thing("a", "blue", 2), thing("a", "red", 1), rejected=["{3}"], still_there=["c"])
    merge(
        warehouse,
        thing("b", made=None, seen=3),
        complete_reads=[CompleteRead(NOON.replace(hour=13))],
        still_there=["c"],
    )
    steps.append(tables(warehouse, elsewhere))
    shutil.rmtree(warehouse.folder.state)
    merge(warehouse, thing("e", made=datetime(2026, 4, 1)))
    steps.append(tables(warehouse, elsewhere))
    shutil.rmtree(warehouse.folder.state)
    warehouse.folder.database.unlink()
    merge(warehouse, thing("f", "blue", seen=7200), rejected=["{4}"])
    steps.append(tables(warehouse, elsewhere))
    stage = StageFile(warehouse.folder, LocalDuckDB(warehouse.folder.spill))
    with stage.hold_writer_lock():
        stage.compact(force=True)
    merge(warehouse, thing("g", "green"))
    return [*steps, tables(warehouse, elsewhere)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Published]:
    """A folder with a plain name after its whole life, and what was published in it."""
    made = tmp_path_factory.mktemp("plain")
    return made / "data", whole_life(made / "data", made)


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_are_the_same_in_a_folder_of_any_name(
    plain: tuple[Path, Published], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (folder, expected), named = plain, tmp_path / name
    for decoy in ("abc", "ac", "bc"):  # where the name would lead if it were a pattern
        shutil.copytree(folder, named.parent / decoy, symlinks=True)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert whole_life(named, tmp_path) == expected
    assert list(temporary.iterdir()) == [], "no link is left behind"


def test_a_copy_that_a_killed_process_has_left_elsewhere_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, folder = tmp_path / "temporary", tmp_path / "what?"
    temporary.mkdir()
    merge(Warehouse(folder), thing("a"))
    killed = Forked(_die_in, folder / ".state" / "stage.duckdb", temporary)
    assert killed.wait()[0] == -signal.SIGKILL
    assert [path.name for path in temporary.rglob("*.duckdb")] == ["stage.duckdb"]
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    merge(Warehouse(folder), thing("b"))
    assert list(temporary.rglob("*.duckdb")) == []


def _die_in(database: Path, temporary: Path) -> None:
    tempfile.tempdir = str(temporary)
    with LocalDuckDB(database.parent / "spill").open(database):
        os.kill(os.getpid(), signal.SIGKILL)
