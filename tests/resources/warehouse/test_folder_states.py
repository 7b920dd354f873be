"""What a person can leave behind in the folder is healed, or refused before anything that is published is replaced."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from errno import ENOSPC
from pathlib import Path

import duckdb
import pytest

from resources.files import remove_tree, replace_link
from resources.warehouse.audit import ask_stage
from resources.warehouse.batch import FORMAT, MANIFEST
from resources.warehouse.errors import InUseError, RefusedError, WarehouseError
from resources.warehouse.local import database_file
from resources.warehouse.local import publish as publishing
from resources.warehouse.warehouse import Warehouse
from tests.support.processes import open_for_writing
from tests.support.queries import in_database, in_parquet
from tests.support.small_table import THINGS, folder_of, merge, open_batch, thing
from tests.support.small_table import publish as publish_texts

pytestmark = pytest.mark.files

Change = Callable[[Path], object]
JANUARY, FEBRUARY = thing("a", made=datetime(2026, 1, 5)), thing("b", made=datetime(2026, 2, 5))
MONTH = "parquet/things/month=2026-01/data_0.parquet"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two months of things, all published."""
    warehouse = Warehouse(tmp_path_factory.mktemp("template") / "data")
    merge(warehouse, JANUARY, FEBRUARY)
    assert publish(warehouse) > 0
    return warehouse.folder.root


@pytest.fixture
def warehouse(template: Path, tmp_path: Path) -> Warehouse:
    """A warehouse of its own in a copy of the template."""
    return Warehouse(shutil.copytree(template, tmp_path / "data", symlinks=True))


def publish(warehouse: Warehouse) -> int:
    return publish_texts(warehouse, texts={"report.html": "<p>", "dictionary.md": "#"}).files_written


def merge_and_publish(warehouse: Warehouse) -> None:
    merge(warehouse, thing("c", made=datetime(2026, 1, 6)))
    publish(warehouse)


def ids(root: Path) -> list[str]:
    """The things that are published, which both forms must agree upon."""
    rows = in_database(root, "SELECT id FROM things ORDER BY id")
    assert in_parquet(root, "things", "id") == rows
    assert (root / "report.html").read_text() == "<p>"
    return [row[0] for row in rows]


def restored_without_links(root: Path) -> None:
    """As `cp -rL` makes a backup, and puts it back."""
    shutil.copytree(root, root.with_name("backup"), symlinks=False)
    shutil.rmtree(root)
    root.with_name("backup").rename(root)


def link_to(target: str) -> Change:
    def make(root: Path) -> None:
        shutil.copytree(root / "parquet", root.with_name("elsewhere"))
        (root / "parquet").unlink()
        (root / "parquet").symlink_to(target)

    return make


def lost(*names: str) -> Change:
    def lose(root: Path) -> None:
        for name in names:
            remove_tree(root / name)

    return lose


def cut(name: str, size: int = 0) -> Change:
    def change(root: Path) -> None:
        (root / name).chmod(0o600)
        os.truncate(root / name, size)

    return change


def folder_at(name: str) -> Change:
    def make(root: Path) -> None:
        (root / name).unlink(missing_ok=True)
        (root / name).mkdir()
        (root / name / "something").write_text("of a person")

    return make


def both(*changes: Change) -> Change:
    def make(root: Path) -> None:
        for change in changes:
            change(root)

    return make


def linked_database(root: Path) -> None:
    shutil.copyfile(root / "coupontools.duckdb", root.with_name("mine.duckdb"))
    (root / "coupontools.duckdb").unlink()
    (root / "coupontools.duckdb").symlink_to("../mine.duckdb")


def database_without_link(root: Path) -> None:
    """As versions before the link had left it."""
    shutil.copyfile(root / "coupontools.duckdb", root / "copy.duckdb")
    remove_tree(root / ".databases")
    (root / "copy.duckdb").replace(root / "coupontools.duckdb")


def written_into(root: Path) -> None:
    (root / "coupontools.duckdb").chmod(0o600)
    with duckdb.connect(str(root / "coupontools.duckdb")) as connection:
        connection.execute("DELETE FROM things")


def read_only(root: Path) -> None:
    for path in (root / "report.html", root / "coupontools.duckdb", root / MONTH):
        path.chmod(0o000)


HEALED: dict[str, Change] = {
    "restored without links": restored_without_links,
    "restored without links, state lost": both(restored_without_links, lost(".state")),
    "dangling link": link_to("nowhere"),
    "link elsewhere": link_to("../elsewhere"),
    "snapshots lost": lost(".snapshots"),
    "databases lost": lost(".databases"),
    "databases and state lost": lost(".databases", ".state"),
    "all but the database lost": lost(".snapshots", ".state", "parquet", "report.html"),
    "a Parquet file lost": lost(MONTH),
    "a Parquet file empty": cut(MONTH),
    "a month lost": lost("parquet/things/month=2026-01"),
    "a table lost": lost("parquet/things"),
    "the database lost": lost("coupontools.duckdb"),
    "the database and the stage lost": lost("coupontools.duckdb", ".state"),
    "the database empty": cut("coupontools.duckdb"),
    "the database cut off": cut("coupontools.duckdb", 300_000),
    "the database cut off, state lost": both(cut("coupontools.duckdb", 300_000), lost(".state")),
    "the database a link of a person": linked_database,
    "the database a file": database_without_link,
    "the database a file, state lost": both(database_without_link, lost(".state")),
    "the database written into": written_into,
    "files without permissions": read_only,
    "the report lost": lost("report.html"),
    "the report a link": both(lost("report.html"), lambda root: (root / "report.html").symlink_to("nowhere")),
    "a file among the batches": lambda root: (root / ".state/batches/.DS_Store").touch(),
    "a file where DuckDB spills": lambda root: (root / ".state/spill").touch(),
}


@pytest.mark.parametrize("state", HEALED)
def test_what_a_person_has_left_is_healed(warehouse: Warehouse, state: str) -> None:
    root = warehouse.folder.root
    HEALED[state](root)
    publish(warehouse)
    assert ids(root) == ["a", "b"]
    merge_and_publish(warehouse)
    assert ids(root) == ["a", "b", "c"]
    assert publish(warehouse) == 0


def foreign_file(root: Path) -> None:
    restored_without_links(root)
    (root / "parquet" / "notes.txt").write_text("of a person")


def file_at(name: str) -> Change:
    def make(root: Path) -> None:
        lost(name)(root)
        (root / name).write_text("of a person")

    return make


def linked(name: str) -> Change:
    def make(root: Path) -> None:
        (root / name).rename(root.with_name("elsewhere"))
        (root / name).symlink_to("../elsewhere")

    return make


def published_at_the_stage(root: Path) -> None:
    shutil.copyfile(root / "coupontools.duckdb", root / ".state/stage.duckdb")


def of_another_make(root: Path) -> None:
    (root / ".state/stage.duckdb").unlink()
    with duckdb.connect(str(root / ".state/stage.duckdb")) as connection:
        connection.execute("CREATE TABLE mine (number INTEGER)")


def of_a_newer_version(root: Path) -> None:
    with duckdb.connect(str(root / ".state/stage.duckdb")) as connection:
        connection.execute("UPDATE _state.format SET version = 99")


def left_log(root: Path) -> Path:
    """Leave the log of the stage as a run that is killed does, and return it."""
    with duckdb.connect(str(root / ".state/stage.duckdb")) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("INSERT INTO things BY NAME SELECT 'merged ' || i AS id FROM range(10_000) AS r (i)")
    return root / ".state/stage.duckdb.wal"


def broken_log(root: Path) -> None:
    log = left_log(root)
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 255
    log.write_bytes(content)


REFUSED: dict[str, tuple[Change, str]] = {
    "a foreign file in parquet": (foreign_file, "parquet/notes.txt stands where the export publishes"),
    "parquet a file": (file_at("parquet"), "parquet stands where the export publishes"),
    "the report a folder": (folder_at("report.html"), "report.html stands where the export publishes"),
    "the dictionary a folder": (folder_at("dictionary.md"), "dictionary.md stands where the export publishes"),
    "databases a link": (linked(".databases"), ".databases is a link where the export keeps a folder"),
    "snapshots a link": (linked(".snapshots"), ".snapshots is a link where the export keeps a folder"),
    "state a link": (linked(".state"), ".state is a link where the export keeps a folder"),
    "state a file": (file_at(".state"), ".state is a file where the export keeps a folder"),
    "the stage empty": (cut(".state/stage.duckdb"), "stage.duckdb is damaged: delete the folder"),
    "the stage cut off": (cut(".state/stage.duckdb", 300_000), "stage.duckdb is damaged: delete the folder"),
    "the log of the stage broken": (broken_log, "stage.duckdb is damaged: delete the folder"),
    "the published database as stage": (published_at_the_stage, "stage.duckdb is damaged: delete the folder"),
    "a database of a person as stage": (of_another_make, "stage.duckdb is damaged: delete the folder"),
    "a newer version": (of_a_newer_version, "was written by a newer version of the export (format 99, this one"),
    "who is forgotten": (lambda root: (root / ".forgotten.json").write_text("{"), "run coupontools forget again"),
}


@pytest.mark.parametrize("state", REFUSED)
def test_what_cannot_be_healed_is_refused_before_anything_is_replaced(warehouse: Warehouse, state: str) -> None:
    root, (leave, message) = warehouse.folder.root, REFUSED[state]
    leave(root)
    before = (root / "coupontools.duckdb").stat().st_ino
    with pytest.raises(RefusedError) as refused:
        merge_and_publish(warehouse)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert (root / "coupontools.duckdb").stat().st_ino == before
    assert in_database(root, "SELECT id FROM things ORDER BY id") == [("a",), ("b",)]


@pytest.mark.parametrize(
    "name", [".origin.json", ".forgotten.json", ".origin.json.tmp", ".state/run-1.lock", ".state/stage.duckdb"]
)
def test_a_folder_in_the_place_of_a_file_that_is_written_is_named(warehouse: Warehouse, name: str) -> None:
    root = warehouse.folder.root
    if name == ".origin.json.tmp":
        (root / ".origin.json").unlink()
    folder_at(name)(root)
    with pytest.raises(WarehouseError) as error:
        merge_and_publish(warehouse)
    assert f"cannot be written: Is a directory ({root / name}). Move away what stands" in str(error.value)
    lost(name)(root)
    merge_and_publish(warehouse)
    assert ids(root) == ["a", "b", "c"]


def test_a_folder_in_the_place_of_the_database_is_refused(warehouse: Warehouse) -> None:
    folder_at("coupontools.duckdb")(warehouse.folder.root)
    with pytest.raises(RefusedError, match=r"coupontools\.duckdb stands where the export publishes"):
        publish(warehouse)
    assert in_parquet(warehouse.folder.root, "things", "id") == [("a",), ("b",)]


def test_a_damaged_stage_is_made_anew_once_it_is_deleted_as_the_error_says(warehouse: Warehouse) -> None:
    cut(".state/stage.duckdb", 300_000)(warehouse.folder.root)
    with pytest.raises(RefusedError):
        publish(warehouse)
    shutil.rmtree(warehouse.folder.state)
    merge_and_publish(warehouse)
    assert ids(warehouse.folder.root) == ["a", "b", "c"]


def test_a_log_that_cannot_be_read_for_want_of_memory_is_not_said_to_be_damaged(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_log(warehouse.folder.root)
    with monkeypatch.context() as patch:
        patch.setattr(database_file, "MIN_MEMORY_MB", 1)
        with pytest.raises(WarehouseError, match="DuckDB may use too little memory"):
            publish(warehouse)
    assert ask_stage(warehouse.engine, [THINGS], {}, [THINGS]).live["things"].staged == 10_002


def test_a_damaged_database_alone_is_reported(warehouse: Warehouse) -> None:
    both(cut("coupontools.duckdb", 300_000), lost(".snapshots", ".state"))(warehouse.folder.root)
    with pytest.raises(RefusedError, match="restore it from a backup, or delete it and run coupontools export --full"):
        publish(warehouse)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("coupontools.duckdb", "No space left on device.*what is published is whole, of this run or of the last"),
        ("parquet", "published in part: No space left on device"),
    ],
)
def test_a_publish_that_fails_half_way_says_so_and_the_next_one_does_the_rest(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, link: str, expected: str
) -> None:
    def fail(path: Path, target: str) -> None:
        if path.name == link:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        replace_link(path, target)

    with monkeypatch.context() as patch:
        patch.setattr("resources.warehouse.local.snapshots.replace_link", fail)
        with pytest.raises(WarehouseError, match=expected):
            merge_and_publish(warehouse)
    assert in_database(warehouse.folder.root, "SELECT count(*) FROM things") == [(3 if link == "parquet" else 2,)]
    publish(warehouse)
    assert ids(warehouse.folder.root) == ["a", "b", "c"]


def test_a_publish_that_cannot_note_what_it_has_published_does_not_say_that_all_is_as_before(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "note_files", fail)
        with pytest.raises(WarehouseError, match=r"No space left.*is whole, of this run or of the last"):
            merge_and_publish(warehouse)
    assert ids(warehouse.folder.root) == ["a", "b", "c"]
    publish(warehouse)
    assert ids(warehouse.folder.root) == ["a", "b", "c"]
    assert publish(warehouse) == 0


def test_only_files_that_are_amiss_are_written_again(warehouse: Warehouse) -> None:
    assert publish(warehouse) == 0
    (warehouse.folder.root / MONTH).unlink()
    assert publish(warehouse) == 1


def test_what_a_person_has_put_beside_our_files_is_not_published_on(warehouse: Warehouse) -> None:
    folder = warehouse.folder.root / "parquet" / "things" / "month=2026-01"
    shutil.copyfile(folder / "data_0.parquet", folder / "copy.parquet")
    merge(warehouse, thing("c", made=datetime(2026, 2, 6)))
    publish(warehouse)
    assert ids(warehouse.folder.root) == ["a", "b", "c"]


def test_who_writes_in_the_published_database_holds_up_nobody(warehouse: Warehouse) -> None:
    with open_for_writing(warehouse.folder.database) as writer:
        audited = ask_stage(warehouse.engine, [THINGS], {}, [THINGS])
        assert (audited.live["things"].staged, audited.live["things"].published) == (2, 2)
        with pytest.raises(InUseError, match="is open in another program") as error, warehouse.engine.open_published():
            pass
        assert f"process {writer}" in str(error.value)
        shutil.rmtree(warehouse.folder.state)  # so that the stage is made from the file that is in use
        merge_and_publish(warehouse)
        assert ids(warehouse.folder.root) == ["a", "b", "c"]


def test_the_live_rows_of_the_last_publish_outlive_merges_and_the_stage(warehouse: Warehouse) -> None:
    merge(warehouse, thing("c"), thing("d"))
    live = ask_stage(warehouse.engine, [THINGS], {}, [THINGS]).live["things"]
    assert (live.staged, live.published) == (4, 2)
    shutil.rmtree(warehouse.folder.state)
    live = ask_stage(warehouse.engine, [THINGS], {}, [THINGS]).live["things"]
    assert (live.staged, live.published) == (2, 2)


def test_a_batch_of_another_version_or_with_broken_notes_is_read_again(warehouse: Warehouse) -> None:
    def left(change: Callable[[Path], object]) -> bool:
        """Whether a batch is taken up after a change to its files."""
        with open_batch(warehouse, "things", timedelta(hours=1)) as batch:
            batch.flush()
        change(folder_of(warehouse, batch))
        with open_batch(warehouse, "things", timedelta(hours=1)) as again:
            again.delete()
        return again.name == batch.name

    assert left(lambda _: None)
    manifest = {"format": FORMAT, "resume_key": "things", "suppression": ""}
    times = {"begun_at": "2026-01-01T00:00:00+00:00", "resumable_until": "2999-01-01T00:00:00+00:00"}
    assert left(lambda path: (path / MANIFEST).write_text(json.dumps(manifest | times)))
    assert not left(lambda path: (path / MANIFEST).write_text(json.dumps(manifest | times | {"format": FORMAT + 1})))
    assert not left(lambda path: (path / MANIFEST).write_text(json.dumps(manifest)))
    assert not left(lambda path: (path / MANIFEST).write_text("[]"))
    assert not left(lambda path: (path / "000001.slices.json").write_text("{"))
    assert not left(lambda path: (path / "000001.slices.json").write_text('[{"slice": "of a newer version"}]'))
    assert not list(warehouse.folder.batches.iterdir())
