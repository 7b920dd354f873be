"""What a merge records of the slices it brought: who need not read them again, and who reads everything again."""

import os
import signal
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from resources.warehouse.merge import merge
from resources.warehouse.warehouse import Warehouse
from tests.support.forked import Forked
from tests.support.small_table import PLAN, done, fill, open_batch, publish, published, thing

HOUR = timedelta(hours=1)


def die_after_a_merge(data_dir: Path, suppression: str = "", then: str = "") -> None:
    """Merge a thing in a process that is killed before it ends."""
    Forked(_merge_and_die, data_dir, suppression, then).finish(code=-signal.SIGKILL)


def _merge_and_die(data_dir: Path, suppression: str, then: str) -> None:
    warehouse = Warehouse(data_dir)
    with open_batch(warehouse, "things", HOUR, suppression) as batch:
        fill(batch, thing("a"))
        merge(warehouse.engine, batch, PLAN)
        if then == "publish":
            publish(warehouse)
        os.kill(os.getpid(), signal.SIGKILL)


def known_slices(warehouse: Warehouse, key: str = "things", suppression: str = "") -> Iterable[object]:
    """The slices that a run with this key would not read; it leaves nothing."""
    with open_batch(warehouse, key, HOUR, suppression) as batch:
        known = batch.known_slices
        batch.delete()
    return known


def merge_things(warehouse: Warehouse, name: str = "a") -> None:
    with open_batch(warehouse, "things", HOUR) as batch:
        fill(batch, thing(name))
        merge(warehouse.engine, batch, PLAN)


def runs(warehouse: Warehouse) -> list[str]:
    return list(warehouse.engine.list_runs())


def another(warehouse: Warehouse) -> Warehouse:
    """The same folder, as another run sees it."""
    return Warehouse(warehouse.folder.root)


def test_a_merged_batch_is_deleted_at_once_and_what_a_dead_run_merged_is_not_read_again(
    warehouse: Warehouse,
) -> None:
    die_after_a_merge(warehouse.folder.root)
    assert not warehouse.store.list_batches()
    assert known_slices(warehouse) == {done().key}
    assert known_slices(warehouse) == {done().key}, "nothing was merged in between"
    assert known_slices(warehouse, "other things") == set()
    assert published(warehouse) == [thing("a")]


def test_what_a_run_that_lives_has_merged_is_read_by_the_others(warehouse: Warehouse) -> None:
    merge_things(warehouse)
    assert known_slices(another(warehouse)) == known_slices(warehouse) == set()


@pytest.mark.parametrize("end", ["it publishes", "it is closed"])
def test_once_a_run_has_published_or_ended_everything_is_read_again(warehouse: Warehouse, end: str) -> None:
    merge_things(warehouse)
    if end == "it publishes":
        publish(warehouse)
        assert runs(warehouse)
    warehouse.close()
    assert not runs(warehouse)
    assert known_slices(another(warehouse)) == set()


def test_a_run_that_is_killed_once_it_has_published_leaves_nothing_to_resume(warehouse: Warehouse) -> None:
    die_after_a_merge(warehouse.folder.root, then="publish")
    assert known_slices(warehouse) == set()


def test_a_publish_with_nothing_new_ends_what_its_run_has_merged_too(warehouse: Warehouse) -> None:
    merge_things(warehouse)
    publish(another(warehouse))
    publish(warehouse)
    with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
        assert connection.execute("FROM _state.completed_slices").fetchall() == []


def test_who_goes_on_for_a_dead_run_takes_its_slices_over_and_a_second_death_loses_none(
    warehouse: Warehouse,
) -> None:
    die_after_a_merge(warehouse.folder.root)
    die_after_a_merge(warehouse.folder.root)
    assert len(runs(warehouse)) == 2
    assert known_slices(warehouse) == {done().key}
    merge_things(warehouse)
    merge_things(warehouse, "b")
    assert len(runs(warehouse)) == 1, "of dead runs that have nothing left the locks go"
    publish(warehouse)
    warehouse.close()
    assert known_slices(another(warehouse)) == set()


def test_records_out_of_date_or_of_the_future_do_not_count_and_are_pruned(
    warehouse: Warehouse,
) -> None:
    changes = ["resumable_until = '2026-01-01'", "begun_at = '2126-01-01', resumable_until = '2126-01-02'"]
    for change in changes:
        die_after_a_merge(warehouse.folder.root)
        with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
            connection.execute(f"UPDATE _state.completed_slices SET {change}")
        assert known_slices(warehouse) == set()
    with open_batch(warehouse) as batch:
        fill(batch, thing("b"))
        merge(warehouse.engine, batch, PLAN)
    with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
        assert connection.execute("FROM _state.completed_slices").fetchall() == []
    assert not runs(warehouse)


def test_what_was_merged_before_somebody_was_suppressed_is_read_again(warehouse: Warehouse) -> None:
    die_after_a_merge(warehouse.folder.root, "version of the list")
    assert known_slices(warehouse, suppression="version of a later list") == set()
    assert known_slices(warehouse, suppression="version of the list") == {done().key}


def test_a_merge_that_is_not_resumable_records_nothing(warehouse: Warehouse) -> None:
    with open_batch(warehouse) as batch:
        fill(batch, thing("a"))
        merge(warehouse.engine, batch, PLAN)
    assert not runs(warehouse)


@pytest.mark.files
def test_a_run_whose_lock_cannot_be_deleted_ends_all_the_same(warehouse: Warehouse) -> None:
    merge_things(warehouse)
    lock = warehouse.folder.run_lock(*runs(warehouse))
    lock.unlink()
    lock.mkdir()  # which cannot be deleted as a file, like anything on a disk that was mounted read-only meanwhile
    warehouse.close()
    lock.rmdir()
    assert not known_slices(another(warehouse))
