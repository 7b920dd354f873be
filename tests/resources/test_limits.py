"""Limits of the machine are named as what they are, and a full disk is not one of them."""

from errno import EIO, EMFILE, ENOMEM, ENOSPC, EROFS, ESTALE
from pathlib import Path

import duckdb
import pytest

from resources.limits import limit_met
from resources.warehouse.errors import WarehouseError
from resources.warehouse.local.folder import Folder, name_folder_in_errors

LIMITS = [
    (MemoryError(), "memory"),
    (OSError(ENOMEM, "Cannot allocate memory"), "memory"),
    (duckdb.OutOfMemoryException("Out of Memory Error: Failed to allocate block (bad allocation)"), "memory"),
    (ImportError("_duckdb.so: failed to map segment from shared object"), "memory"),
    (RuntimeError("can't start new thread"), "threads"),
    (OSError(EMFILE, "Too many open files"), "open files"),
    (OSError("Too many open files (os error 24): /data/.state/batches/1/000001.rows.parquet.tmp"), "open files"),
    (duckdb.IOException('IO Error: Cannot open file "/data/1.parquet": Too many open files'), "open files"),
]


@pytest.mark.parametrize(("error", "what"), LIMITS)
def test_a_limit_is_no_fault_of_the_folder(tmp_path: Path, error: Exception, what: str) -> None:
    with (
        pytest.raises(WarehouseError, match=f"^The machine has no more {what} for the export"),
        name_folder_in_errors(Folder(tmp_path)),
    ):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        duckdb.OutOfMemoryException("could not allocate block of size 119.8 MiB (248.4 MiB/366.2 MiB used)"),
        duckdb.TransactionException("Failed to commit: failed to pin block of size 400.0 KiB (365 MiB/366.2 MiB used)"),
    ],
)
def test_the_memory_that_the_export_gives_duckdb_is_named_by_its_variable(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(WarehouseError, match="COUPONTOOLS_DUCKDB_MEMORY_MB"), name_folder_in_errors(Folder(tmp_path)):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        OSError(ENOSPC, "No space left on device"),
        duckdb.OutOfMemoryException("Out of Memory Error: failed to offload data block of size 256.0 KiB"),
    ],
)
def test_a_full_disk_is_no_limit_of_the_process(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(WarehouseError, match="Make room"), name_folder_in_errors(Folder(tmp_path)):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        OSError(EROFS, "Read-only file system", "data/.state"),
        duckdb.IOException('IO Error: Cannot open file "data/.state/stage.duckdb": Permission denied'),
    ],
)
def test_a_folder_that_must_not_be_written_needs_no_room(tmp_path: Path, error: Exception) -> None:
    advice = "Let the user who runs the export write there"
    with pytest.raises(WarehouseError, match=advice) as named, name_folder_in_errors(Folder(tmp_path)):
        raise error
    assert "data/.state" in str(named.value)
    assert "Make room" not in str(named.value)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(EIO, "Input/output error", "data/.state"), "Check the disk and how it is mounted or set"),
        (OSError(ESTALE, "Stale file handle", "data/.state"), "Check the disk and how it is mounted or set"),
        (
            duckdb.IOException('IO Error: Could not read from file "data/.state/stage.duckdb": Input/output error'),
            "Check the disk and how it is mounted, then run again",
        ),
    ],
)
def test_a_disk_that_fails_needs_no_room(tmp_path: Path, error: Exception, advice: str) -> None:
    with pytest.raises(WarehouseError, match=advice) as named, name_folder_in_errors(Folder(tmp_path)):
        raise error
    assert "Make room" not in str(named.value)


@pytest.mark.parametrize("error", [ValueError("no limit"), RuntimeError("other"), ImportError("no module")])
def test_what_is_no_limit_is_left_alone(error: Exception) -> None:
    assert limit_met(error) is None
