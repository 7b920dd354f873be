"""What others have put into the folder is neither followed nor trusted, and no two ids meet in one file."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from assets.webhooks.intake import open_inbox
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.schema import Value
from resources.warehouse.warehouse import Warehouse
from tests.support.queries import in_parquet
from tests.support.small_table import QUARANTINE, THINGS, merge, publish, thing

pytestmark = pytest.mark.files

NOBODY = 65534


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "data")
    merge(warehouse, thing("a", made=datetime(2026, 1, 5)))
    publish(warehouse)
    return warehouse


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_private_folder_of_another_user_is_refused(warehouse: Warehouse) -> None:
    os.chown(warehouse.folder.state, NOBODY, NOBODY)
    with pytest.raises(RefusedError, match=r"\.state belongs to another user"):
        merge(warehouse, thing("b"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_who_may_not_look_into_the_private_folder_is_told_why() -> None:
    with TemporaryDirectory() as parent:  # another user may not pass those of `tmp_path`
        Path(parent).chmod(0o755)
        warehouse = Warehouse(f"{parent}/data")
        merge(warehouse, thing("a"))
        os.seteuid(NOBODY)
        try:
            for work in (lambda: merge(warehouse, thing("b")), warehouse.engine.has_rows, warehouse.engine.read_origin):
                with pytest.raises(RefusedError, match=r"\.state belongs to another user"):
                    work()
            assert not open_inbox(warehouse).exists()
        finally:
            os.seteuid(0)


@contextmanager
def unprivileged() -> Iterator[None]:
    """What root does inside, another user does."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.parametrize("name", ["", ".databases", ".snapshots", ".state"])
def test_a_folder_that_may_only_be_read_is_named_before_the_account_is_read(name: str) -> None:
    with TemporaryDirectory() as parent:  # another user may not pass those of `tmp_path`
        Path(parent).chmod(0o777)
        warehouse = Warehouse(f"{parent}/data")
        path = warehouse.folder.root / name
        with unprivileged():
            assert list(warehouse.engine.prove()) == [f"{parent}/data can be written"]
            path.chmod(0o500)
            with pytest.raises(WarehouseError) as error:
                list(warehouse.engine.prove())
            path.chmod(0o700)
    assert f"cannot be written: Permission denied ({path}). Let the user who runs the export write" in str(error.value)


def test_a_private_folder_that_stands_open_is_closed(warehouse: Warehouse) -> None:
    warehouse.folder.state.chmod(0o777)
    merge(warehouse, thing("b"))
    assert warehouse.folder.state.stat().st_mode & 0o777 == 0o700


def stage(warehouse: Warehouse) -> Path:
    return warehouse.folder.stage


def note_of_the_account(warehouse: Warehouse) -> Path:
    return warehouse.folder.origin


def people_kept_out(warehouse: Warehouse) -> Path:
    return warehouse.folder.forgotten


@pytest.mark.parametrize("file_of", [stage, note_of_the_account, people_kept_out])
def test_a_link_in_the_place_of_a_private_file_is_refused(
    warehouse: Warehouse, tmp_path: Path, file_of: Callable[[Warehouse], Path]
) -> None:
    file, elsewhere = file_of(warehouse), tmp_path / "elsewhere"
    elsewhere.write_bytes(file.read_bytes() if file.exists() else b"{}")
    before = elsewhere.read_bytes()
    file.unlink(missing_ok=True)
    file.symlink_to(elsewhere)
    with pytest.raises(RefusedError, match=f"{file.name} is a link"):
        merge(warehouse, thing("b"))
    assert elsewhere.read_bytes() == before


def test_a_link_in_the_place_of_an_unfinished_file_is_not_followed(warehouse: Warehouse, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    warehouse.folder.origin.unlink()
    warehouse.folder.origin.with_name(f"{warehouse.folder.origin.name}.tmp").symlink_to(elsewhere)
    merge(warehouse, thing("b"))
    assert elsewhere.read_bytes() == b"mine"
    assert warehouse.folder.origin.is_file()


def test_no_two_ids_meet_in_one_file(tmp_path: Path) -> None:
    long = "x" * 500
    ids = [
        long,
        sha256(long.encode()).hexdigest(),
        f"sha256+{sha256(long.encode()).hexdigest()}",
        "__HIVE_DEFAULT_PARTITION__",
        "%5F_HIVE_DEFAULT_PARTITION__",
        "a/b",
        "a%2Fb",
        "..",
        "Ab",
        "aB",
        "",
    ]
    by_id = replace(THINGS, files=Value("thing", "id"))
    warehouse = Warehouse(tmp_path / "data")
    merge(warehouse, *map(thing, ids), table=by_id)
    assert publish(warehouse, [by_id, QUARANTINE]).files_written == len(ids) + 1
    assert sorted(in_parquet(tmp_path / "data", "things", "id")) == sorted((thing_id,) for thing_id in ids)
    folders = {path.parent.name for path in (tmp_path / "data" / "parquet" / "things").rglob("*.parquet")}
    assert "thing=__HIVE_DEFAULT_PARTITION__" not in folders, "it would be read as an id that is not there"
