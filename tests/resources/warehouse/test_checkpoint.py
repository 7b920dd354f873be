"""A process that dies in a checkpoint of the stage damages nothing."""

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from resources.warehouse.local.checkpoint import HEADER, metadata_copy_of
from resources.warehouse.warehouse import Warehouse
from tests.support.forked import Forked
from tests.support.queries import in_database
from tests.support.small_table import merge, publish, thing

pytestmark = pytest.mark.files


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    """A warehouse with two things in its stage."""
    warehouse = Warehouse(data_dir)
    merge(warehouse, thing("a"), thing("b"))
    return warehouse


def test_a_block_of_metadata_that_was_written_in_part_is_put_back(warehouse: Warehouse) -> None:
    Forked(_delete_and_die, warehouse.folder.root, "os.rename", _write_no_further).finish(code=1)
    with pytest.raises(duckdb.Error, match="Corrupt"), duckdb.connect() as connection:
        connection.execute(f"ATTACH '{warehouse.folder.stage}' AS stage (READ_ONLY)")
    _assert_stage_is_whole(warehouse)


@pytest.mark.parametrize("size", [None, 1_000, 0])
def test_a_completed_checkpoint_is_not_undone(warehouse: Warehouse, size: int | None) -> None:
    """Not even if the copy is cut off."""
    Forked(_delete_and_die, warehouse.folder.root, "os.remove", _kill).finish(code=-signal.SIGKILL)
    copy = metadata_copy_of(warehouse.folder.stage)
    assert copy.stat().st_mode & 0o077 == 0
    copy.write_bytes(copy.read_bytes()[:size])
    _assert_stage_is_whole(warehouse)


def _assert_stage_is_whole(warehouse: Warehouse) -> None:
    """It has what was committed before the process died, and takes more."""
    for number in range(2):
        merge(warehouse, thing(f"c{number}"))
        publish(warehouse)
        assert not metadata_copy_of(warehouse.folder.stage).exists()
    assert in_database(warehouse.folder.root, "SELECT id FROM things ORDER BY id") == [("a",), ("c0",), ("c1",)]


def _delete_and_die(data_dir: Path, event: str, die: Callable[[], None]) -> None:
    """Delete a thing, which changes nothing but metadata, and die at an event of the copy of the metadata."""

    def die_at_event(name: str, arguments: tuple[object, ...]) -> None:
        if name == event and any(str(argument).endswith(".metadata") for argument in arguments):
            die()

    engine = Warehouse(data_dir).engine
    sys.addaudithook(die_at_event)
    with engine.hold_writer_lock(), engine.open_stage() as connection:
        connection.execute("DELETE FROM things WHERE id = 'b'")


def _write_no_further() -> None:
    """Let the file system take only the first part of the first block of metadata."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (HEADER + 4096, resource.RLIM_INFINITY))


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
