"""A newer version of the export goes on with the folder of an older one: its tables and all its files."""

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resources.warehouse.errors import WarehouseError
from resources.warehouse.schema import ColumnSchema, TableSchema
from resources.warehouse.warehouse import Warehouse
from tests.support.queries import in_database, in_parquet
from tests.support.small_table import QUARANTINE, THINGS, merge, publish, published, thing

SIZE = ColumnSchema("size", "BIGINT", "New")


def with_columns(*columns: ColumnSchema) -> TableSchema:
    return replace(THINGS, columns=columns)


ID, MADE_AT, USED_AT, COLOUR, *EXPORT_COLUMNS = THINGS.columns
CHANGES = {
    "a column is added at the end": with_columns(*THINGS.columns, SIZE),
    "a column is added before others": with_columns(ID, SIZE, *THINGS.columns[1:]),
    "columns change places": with_columns(*reversed(THINGS.columns)),
    "a type changes": with_columns(replace(ID, sql_type="BIGINT"), *THINGS.columns[1:]),
    "a column has a new name": with_columns(
        ID, MADE_AT, USED_AT, replace(COLOUR, name="shade", former_name="colour"), *EXPORT_COLUMNS
    ),
    "a column goes": with_columns(ID, MADE_AT, USED_AT, *EXPORT_COLUMNS),
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "data")
    merge(warehouse, *(thing(str(month), made=datetime(2026, month, 5)) for month in (1, 2, 3)))
    merge(warehouse, thing("4", made=None))
    published(warehouse)
    return warehouse


def schema_in_files(warehouse: Warehouse) -> set[tuple[tuple[str, str], ...]]:
    """The columns of each file of things: how many ways there are to have them."""
    files = (warehouse.folder.parquet / "things").rglob("*.parquet")
    with duckdb.connect() as connection:
        return {
            tuple(row[:2] for row in connection.execute(f"DESCRIBE FROM '{file}'").fetchall() if row[0] != "month")
            for file in files
        }


@pytest.mark.files
@pytest.mark.parametrize(
    ("change", "lost"),
    [
        *((change, []) for change in CHANGES),
        ("a column is added before others", [".state"]),
        ("a column is added before others", [".state", "coupontools.duckdb"]),
    ],
)
def test_all_files_and_the_table_get_the_columns_of_a_newer_version(
    warehouse: Warehouse, change: str, lost: list[str]
) -> None:
    newer = CHANGES[change]
    for name in lost:
        path = warehouse.folder.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    publish(warehouse, [newer, QUARANTINE])
    declared = tuple((column.name, column.sql_type) for column in newer.columns)
    assert schema_in_files(warehouse) == {declared}
    root = warehouse.folder.root
    assert tuple(row[:2] for row in in_database(root, "DESCRIBE things")) == declared
    assert in_parquet(root, "things", "*") == in_database(root, "FROM things ORDER BY ALL")
    assert [str(row[0]) for row in in_parquet(root, "things", "id")] == ["1", "2", "3", "4"]
    comments = "SELECT comment FROM duckdb_columns() WHERE table_name = 'things' ORDER BY column_index"
    assert in_database(root, comments) == [(column.comment,) for column in newer.columns]
    every_file = pl.scan_parquet(f"{root}/parquet/things/**/*.parquet")
    assert every_file.select("id", newer.columns[1].name).collect().height == 4


def test_only_the_publish_after_a_change_writes_all_files(warehouse: Warehouse) -> None:
    newer = CHANGES["a column is added before others"]
    merge(warehouse, thing("1", "blue", seen=1, made=datetime(2026, 1, 5)))
    assert publish(warehouse, [newer, QUARANTINE]).files_written == 4
    merge(warehouse, thing("1", "green", seen=2, made=datetime(2026, 1, 5)))
    assert publish(warehouse).files_written == 4, "the merge was one of the older version"
    merge(warehouse, thing("1", "white", seen=3, made=datetime(2026, 1, 5)))
    assert publish(warehouse).files_written == 1


def test_a_value_that_does_not_fit_a_new_type_is_not_lost(warehouse: Warehouse) -> None:
    newer = with_columns(ID, MADE_AT, USED_AT, replace(COLOUR, sql_type="DECIMAL(18,2)"), *EXPORT_COLUMNS)
    with pytest.raises(WarehouseError, match=r"4 values of the column colour of the table things cannot become DEC"):
        publish(warehouse, [newer, QUARANTINE])
    assert published(warehouse, "SELECT count(colour) FROM things") == [(4,)]
    newer = with_columns(ID, replace(MADE_AT, sql_type="DATE"), USED_AT, COLOUR, *EXPORT_COLUMNS)
    merge(warehouse, thing("5", made=datetime(2026, 1, 5, 7)))
    with pytest.raises(WarehouseError, match="1 values of the column made_at"):
        publish(warehouse, [newer, QUARANTINE])


@pytest.mark.files
def test_values_under_a_former_name_move_to_the_column_once(warehouse: Warehouse) -> None:
    newer = CHANGES["a column has a new name"]
    publish(warehouse, [newer, QUARANTINE])
    root = warehouse.folder.root
    assert in_database(root, "SELECT id, shade FROM things ORDER BY id") == [(str(n), "red") for n in range(1, 5)]
    assert [str(row[0]) for row in in_parquet(root, "things", "shade")] == ["red"] * 4
    assert publish(warehouse, [newer, QUARANTINE]).files_written == 0
