"""What was observed while the machine's clock was ahead gives way to what is observed with the right time."""

import os
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from resources.warehouse.batch import SliceKey
from resources.warehouse.deletions import CompleteParentList, CompleteRead
from resources.warehouse.schema import ColumnSchema, History, Month, TableSchema
from resources.warehouse.warehouse import Warehouse
from tests.support.queries import in_database, in_parquet
from tests.support.small_table import (
    NOON,
    QUARANTINE,
    THINGS,
    done,
    folder_of,
    merge,
    open_batch,
    publish,
    published,
    thing,
)

AHEAD = 36_500 * 86_400
"""Seconds by which the clock was wrong."""

FUTURE = NOON + timedelta(seconds=AHEAD)
LATER = NOON + timedelta(seconds=10)
STATES = "SELECT id, _extracted_at, _deleted_at FROM things ORDER BY id"


@pytest.mark.files
@pytest.mark.parametrize(
    "complete_read",
    [CompleteRead(LATER), CompleteRead(LATER, {"colour": "red"}), CompleteParentList(LATER, "colour", ["blue"])],
)
def test_a_row_seen_in_the_future_is_deleted_when_a_complete_read_does_not_bring_it(
    warehouse: Warehouse, complete_read: CompleteRead | CompleteParentList
) -> None:
    merge(warehouse, thing("a", seen=AHEAD), thing("b", seen=AHEAD), thing("c", seen=AHEAD), thing("d"))
    merge(warehouse, thing("a", seen=11), complete_reads=[complete_read], still_there=["b"])
    assert published(warehouse, STATES) == [
        ("a", NOON + timedelta(seconds=11), None),
        ("b", FUTURE, None),
        ("c", LATER, LATER),
        ("d", NOON, LATER),
    ]
    merge(warehouse, thing("c", seen=12))
    assert published(warehouse, STATES)[2] == ("c", NOON + timedelta(seconds=12), None)
    files = in_parquet(warehouse.folder.root, "things", "id, _extracted_at, _deleted_at")
    assert files == in_database(warehouse.folder.root, STATES)


def test_a_row_deleted_in_the_future_is_deleted_at_the_next_complete_read(
    warehouse: Warehouse,
) -> None:
    merge(warehouse, thing("a"), thing("b"))
    stage_deletions(warehouse, FUTURE)
    merge(warehouse, thing("b", seen=11), complete_reads=[CompleteRead(LATER)])
    assert published(warehouse, STATES) == [("a", NOON, LATER), ("b", NOON + timedelta(seconds=11), None)]


def stage_deletions(warehouse: Warehouse, at: datetime) -> None:
    """Mark all things as deleted, as a whole read with a wrong clock does."""
    with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
        connection.execute("UPDATE things SET _deleted_at = ?", [at])


def test_a_complete_read_in_the_future_deletes_nothing(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a"))
    merge(warehouse, complete_reads=[CompleteRead(FUTURE)])
    assert published(warehouse, STATES) == [("a", NOON, None)]


def test_a_row_that_the_read_itself_brings_is_there_though_the_clock_was_set_back_meanwhile(
    warehouse: Warehouse,
) -> None:
    merge(warehouse, thing("a", seen=AHEAD), complete_reads=[CompleteRead(LATER)])
    assert published(warehouse, STATES) == [("a", FUTURE, None)]


def test_of_one_batch_the_observation_with_the_right_time_counts(warehouse: Warehouse) -> None:
    merge(warehouse, thing("a", "of 2126", AHEAD), thing("a", "of now", 1))
    assert published(warehouse, "SELECT colour FROM things") == [("of now",)]


def test_a_record_rejected_in_the_future_leaves_quarantine_with_a_complete_read(warehouse: Warehouse) -> None:
    day = done(date(2026, 1, 1), date(2026, 1, 1))
    merge(warehouse, rejected=["{1}"], slice_=day, rejected_at=FUTURE)
    other = replace(done(), key=SliceKey("v3/others", "p"))
    merge(warehouse, slice_=other)
    assert published(warehouse, "SELECT record FROM quarantine") == [("{1}",)]
    merge(warehouse, slice_=other, complete_reads=[CompleteRead(LATER)])
    assert published(warehouse, "SELECT record FROM quarantine") == []


@pytest.mark.files
def test_a_batch_begun_in_the_future_is_not_taken_up(warehouse: Warehouse) -> None:
    with open_batch(warehouse, "things", timedelta(hours=1)) as dead:
        dead.complete(done())
        dead.flush()
    path = folder_of(warehouse, dead)
    ahead = path.rename(path.with_name(f"2126{path.name[4:]}"))
    with open_batch(warehouse, "things", timedelta(hours=1)) as batch:
        assert batch.slices == []
    assert not ahead.exists(), "nobody knows how old it is"


@pytest.mark.files
def test_a_snapshot_replaced_in_the_future_is_deleted_all_the_same(warehouse: Warehouse) -> None:
    for number in (1, 2):
        merge(warehouse, thing("a", seen=number))
        published(warehouse)
    current = warehouse.folder.parquet.resolve()
    (older,) = (folder for folder in warehouse.folder.snapshots.iterdir() if folder != current)
    os.utime(older, (FUTURE.timestamp(), FUTURE.timestamp()))
    published(warehouse)
    assert list(warehouse.folder.snapshots.iterdir()) == [current]


COLOURS = TableSchema(
    "colours",
    ("id", "observed_at"),
    tuple(
        ColumnSchema(name, kind, name)
        for name, kind in [
            ("id", "VARCHAR"),
            ("last_observed_at", "TIMESTAMP"),
            ("observed_at", "TIMESTAMP"),
            ("colour_before", "VARCHAR"),
            ("colour_after", "VARCHAR"),
            ("_extra", "VARCHAR"),
            ("_extracted_at", "TIMESTAMP"),
            ("_deleted_at", "TIMESTAMP"),
        ]
    ),
    "Changes of colour",
    Month("observed_at"),
)
TRACKED = replace(THINGS, history=History(COLOURS, {"colour": "any difference"}))


@pytest.mark.files
@pytest.mark.parametrize("now", ["red", "blue", "green"])
def test_a_change_seen_in_the_future_gives_way_to_the_one_between_two_right_times(
    warehouse: Warehouse, now: str
) -> None:
    merge(warehouse, thing("a", "red"), thing("b", "red"), table=TRACKED)
    merge(warehouse, thing("a", "blue", AHEAD), thing("b", "blue", 1), table=TRACKED)
    merge(warehouse, thing("a", "white", AHEAD + 1), table=TRACKED)
    publish(warehouse, [TRACKED, COLOURS, QUARANTINE])
    merge(warehouse, thing("a", now, 11), table=TRACKED)
    publish(warehouse, [TRACKED, COLOURS, QUARANTINE])
    of_a = [("a", "red", now, NOON, NOON + timedelta(seconds=11))] if now != "red" else []
    expected = [*of_a, ("b", "red", "blue", NOON, NOON + timedelta(seconds=1))]
    columns = "id, colour_before, colour_after, last_observed_at, observed_at"
    assert in_database(warehouse.folder.root, f"SELECT {columns} FROM colours ORDER BY ALL") == expected
    assert in_parquet(warehouse.folder.root, "colours", columns) == expected
