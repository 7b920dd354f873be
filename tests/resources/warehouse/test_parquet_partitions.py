"""The files of a table that is divided by month: which row stands in which, whatever is observed of it."""

import shutil
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resources.warehouse import parquet_partitions
from resources.warehouse.parquet_partitions import NO_PARTITION
from resources.warehouse.warehouse import Warehouse
from tests.support.examples import examples
from tests.support.queries import in_parquet
from tests.support.small_table import merge, published, thing

pytestmark = pytest.mark.files

Observation = tuple[str, int | None, int | None]
"""A thing's id, and the months of 2026 when it was made and when it was used."""

months = st.none() | st.integers(1, 4)
observations = st.lists(st.tuples(st.sampled_from("ab"), months, months), max_size=3, unique_by=lambda row: row[0])
losses = st.sampled_from(["nothing", "nothing", "the stage", "the stage and the database"])


def month(number: int | None) -> str | None:
    return number and f"2026-{number:02}"  # type: ignore[return-value]


def date_in(number: int | None) -> datetime | None:
    return number and datetime(2026, number, 28, 23, 59)  # type: ignore[return-value]


def lose(warehouse: Warehouse, what: str) -> None:
    if what != "nothing":
        shutil.rmtree(warehouse.folder.state)
    if what == "the stage and the database":
        warehouse.folder.database.unlink()


@given(steps=st.lists(st.tuples(observations, st.booleans(), losses), min_size=2, max_size=5))
@example(steps=[([("a", None, 1)], True, "nothing"), ([("a", 2, 1)], True, "nothing")])
@example(steps=[([("a", None, None)], True, "nothing"), ([("a", None, 3)], True, "nothing")])
@example(
    steps=[([("a", None, 1)], True, "nothing"), ([("a", 2, 1)], True, "nothing"), ([("a", None, 1)], True, "nothing")]
)
@examples(4)
def test_each_row_is_in_one_file_that_of_its_month_or_where_it_was_while_that_is_unknown(
    steps: list[tuple[list[Observation], bool, str]],
) -> None:
    expected: dict[str, tuple[datetime | None, str | None]] = {}
    with TemporaryDirectory() as folder:
        warehouse = Warehouse(folder)
        for number, (seen, is_published, lost) in enumerate(steps):
            merge(
                warehouse,
                *(thing(name, seen=number, made=date_in(made), used=date_in(used)) for name, made, used in seen),
            )
            for name, made, used in seen:
                before = expected.get(name, (None, None))
                expected[name] = date_in(made) or before[0], month(made) or before[1] or month(used)
            if is_published or lost != "nothing" or number == len(steps) - 1:
                published(warehouse)
                files = in_parquet(Path(folder), "things", "id, made_at, month", with_month=True)
                assert files == [(name, *where) for name, where in sorted(expected.items())]
                lose(warehouse, lost)


def test_a_row_that_comes_without_its_date_after_the_last_files_stays_where_it_is(
    warehouse: Warehouse,
) -> None:
    merge(warehouse, thing("a", made=date_in(2)))
    published(warehouse)
    older = warehouse.folder.parquet.resolve()
    merge(warehouse, thing("a", seen=1, made=None, used=date_in(3)), thing("b", made=None, used=date_in(4)))
    published(warehouse)
    warehouse.folder.parquet.unlink()  # as after a kill between the two renames of a publish
    warehouse.folder.parquet.symlink_to(f".snapshots/{older.name}")
    shutil.rmtree(warehouse.folder.state)
    published(warehouse)
    files = in_parquet(warehouse.folder.root, "things", "id, month", with_month=True)
    assert files == [("a", "2026-02"), ("b", "2026-04")]


def test_a_column_without_values_has_its_type_in_the_files_and_its_values_once_there_are_any(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_partitions, "MIN_ROWS_TO_SEARCH", 1)
    steps = ((0, None), (1, datetime(2026, 3, 1)), (2, None))
    for seen, used in steps:
        merge(warehouse, thing("a", seen=seen, used=used), thing("b", seen=seen, made=None))
        rows = published(warehouse)
        assert in_parquet(warehouse.folder.root, "things", "*") == rows
        assert rows[0][2] == used
        types = in_parquet(warehouse.folder.root, "things", "DISTINCT typeof(used_at), typeof(_deleted_at)")
        assert types == [("TIMESTAMP", "TIMESTAMP")]


def test_the_file_of_a_table_without_rows_is_there_only_while_the_table_has_none(warehouse: Warehouse) -> None:
    steps = (
        ((), [NO_PARTITION]),
        ((), [NO_PARTITION]),
        ((thing("a", made=date_in(2)),), ["2026-02"]),
        ((thing("b", made=None),), ["2026-02", NO_PARTITION]),
        ((thing("a", seen=1, made=date_in(2)),), ["2026-02", NO_PARTITION]),
        ((thing("b", seen=1, made=date_in(3)),), ["2026-02", "2026-03"]),
    )
    for rows, months_of_files in steps:
        merge(warehouse, *rows)
        published(warehouse)
        folders = sorted(folder.name for folder in (warehouse.folder.parquet / "things").iterdir())
        assert folders == [f"month={name}" for name in months_of_files]
