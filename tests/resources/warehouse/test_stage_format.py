"""A folder of each version that had a layout of its own is continued."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from resources.warehouse.admission import admit
from resources.warehouse.duckdb_settings import STORAGE_VERSION
from resources.warehouse.errors import RefusedError
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.origin import Origin
from resources.warehouse.queries import read_warehouse_id
from resources.warehouse.stage_format import FORMAT
from resources.warehouse.warehouse import Warehouse
from tests.support.queries import in_database, in_parquet
from tests.support.small_table import ACCOUNT, NOON, PLAN, fill, merge, open_batch, publish, thing

pytestmark = pytest.mark.files

POLICY = " with personal data dropped"
TABLES = (
    "CREATE TABLE things (id VARCHAR, made_at TIMESTAMP, colour VARCHAR, _extracted_at TIMESTAMP, "
    "_deleted_at TIMESTAMP);"
    "CREATE TABLE quarantine (table_name VARCHAR, endpoint VARCHAR, parent_id VARCHAR, window_start TIMESTAMP, "
    "window_end TIMESTAMP, record VARCHAR, _extracted_at TIMESTAMP);"
    f"INSERT INTO things VALUES ('a', '{NOON}', 'red', '{NOON}', NULL), ('b', NULL, 'red', '{NOON}', NULL);"
)
STATE = {
    # 91dc0b5 to 6d98421: tables divided by month alone
    "months": "CREATE TABLE _state.changed (table_name VARCHAR, month VARCHAR);",
    # 2542bb5 on: tables divided by other columns, too
    "partitions": "CREATE TABLE _state.changed (table_name VARCHAR, partition VARCHAR);",
    # 5966640 to 29d7428: what is out already is not published again
    "outline": "CREATE TABLE _state.changed (table_name VARCHAR, partition VARCHAR);"
    "CREATE TABLE _state.published AS SELECT 'of another version' AS outline;",
}


def write_folder(root: Path, version: str, origin: str) -> Warehouse:
    """Write what such a version left: two things, of which one has no date and stays in its first month."""
    snapshot, warehouse = root / ".snapshots" / "1795657433.928968", Warehouse(root)
    for month, rows in (("2026-01", "true"), ("2026-02", "false")):
        (snapshot / "things" / f"month={month}").mkdir(parents=True)
        file = snapshot / "things" / f"month={month}" / "data_0.parquet"
        with duckdb.connect() as connection:
            connection.execute(TABLES)
            connection.execute(f"COPY (FROM things WHERE {rows}) TO '{file}'")
    (root / "parquet").symlink_to(f".snapshots/{snapshot.name}")
    (root / ".state" / "batches").mkdir(parents=True, mode=0o700)
    with duckdb.connect(
        str(root / ".state" / "stage.duckdb"), config={"storage_compatibility_version": STORAGE_VERSION}
    ) as connection:
        connection.execute(TABLES)
        connection.execute("CHECKPOINT")
        shutil.copyfile(root / ".state" / "stage.duckdb", root / "coupontools.duckdb")
        connection.execute(f"CREATE SCHEMA _state; {STATE[version]}")
        connection.execute("CREATE TABLE _state.origin AS SELECT ? AS origin", [origin])
        connection.execute("CREATE TABLE _state.things AS SELECT 'b' AS id, '2026-01' AS month")
    return warehouse


def write_batch(root: Path) -> Path:
    """Write a batch of a dead run, as it was before batches had a format."""
    batch = root / ".state" / "batches" / "20260101T000000-01234567"
    batch.mkdir(mode=0o700)
    (batch / "label").write_text(json.dumps({"purpose": "things", "reuse_until": "2999-01-01T00:00:00+00:00"}))
    slice_ = {"endpoint": "v3/things", "parent": "p", "start": None, "end": None}
    (batch / "000001.slices.json").write_text(json.dumps([slice_ | {"records": 1, "refused": 0, "announced": None}]))
    (batch / "owner.lock").touch()
    return batch


def bring_back_to_format_3(warehouse: Warehouse) -> Path:
    """Leave what versions up to 0a04c0c did: no merges and deletions in the stage, and a merged batch that is kept."""
    note = json.loads(warehouse.folder.origin.read_bytes())
    del note["warehouse"]
    warehouse.folder.origin.write_text(json.dumps(note | {"format": 3}))
    with duckdb.connect(str(warehouse.folder.stage)) as connection:
        connection.execute(
            "DROP TABLE _state.completed_slices; DROP TABLE _state.warehouse; UPDATE _state.format SET version = 3; "
            "ALTER TABLE _state.live DROP COLUMN deleted_rows"
        )
    merged = write_batch(warehouse.folder.root)
    (merged / "label").write_text(
        json.dumps({"format": 3, "purpose": "things", "reuse_until": "2999-01-01T00:00:00+00:00", "suppressed": ""})
    )
    (merged / "000001.slices.json").rename(merged / "merged.json")
    return merged


def test_a_folder_from_before_merges_were_recorded_is_continued_and_not_published_anew(
    warehouse: Warehouse,
) -> None:
    merge(warehouse, thing("a", made=datetime(2026, 1, 5)))
    publish(warehouse)
    merged, hour = bring_back_to_format_3(warehouse), timedelta(hours=1)
    admit(warehouse.engine, ACCOUNT)
    with open_batch(warehouse, "things", hour) as batch:
        assert not batch.known_slices, "what was merged, and not published, is read again"
        assert not merged.exists()
        fill(batch, thing("b", made=datetime(2026, 2, 5)))
        merge_batch(warehouse.engine, batch, PLAN)
    with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
        assert connection.execute("FROM _state.format").fetchall() == [(FORMAT,)]
        assert connection.execute("SELECT endpoint, parent FROM _state.completed_slices").fetchall() == [
            ("v3/things", "p")
        ]
    assert publish(warehouse).files_written == 1, "of the month that has changed"
    assert in_database(warehouse.folder.root, "SELECT id FROM things ORDER BY id") == [("a",), ("b",)]
    note = json.loads(warehouse.folder.origin.read_bytes())
    assert (note["format"], note["warehouse"]) == (FORMAT, read_warehouse_id(warehouse.engine))


@pytest.mark.parametrize("version", STATE)
def test_a_folder_of_an_older_version_is_continued(tmp_path: Path, version: str) -> None:
    warehouse, batch = write_folder(tmp_path, version, "account"), write_batch(tmp_path)
    with open_batch(warehouse, "things", timedelta(hours=1)) as fresh:
        assert not fresh.slices
    assert not batch.exists()
    admit(warehouse.engine, ACCOUNT)
    merge(warehouse, thing("c", made=datetime(2026, 3, 1)))
    publish(warehouse)
    rows = [("a", None), ("b", None), ("c", None)]
    assert in_database(tmp_path, "SELECT id, used_at FROM things ORDER BY id") == rows
    assert in_parquet(tmp_path, "things", "id, month", with_month=True) == [
        ("a", "2026-01"),
        ("b", "2026-01"),
        ("c", "2026-03"),
    ]
    assert in_parquet(tmp_path, "things", "id, used_at") == rows, "every file has the columns of today"
    with pytest.raises(RefusedError, match="another account"):
        admit(warehouse.engine, Origin("account of-somebody-else"))


@pytest.mark.parametrize(
    ("known", "origin"),
    [
        ("account", Origin("sandbox")),
        ("sandbox", ACCOUNT),
        ("account", Origin(ACCOUNT.account, POLICY)),
        (f"account{POLICY}", ACCOUNT),
    ],
)
def test_an_older_folder_of_the_sandbox_or_of_another_policy_stays_so(
    tmp_path: Path, known: str, origin: Origin
) -> None:
    warehouse = write_folder(tmp_path, "partitions", known)
    with pytest.raises(RefusedError, match="holds the rows of"):
        admit(warehouse.engine, origin)


def test_an_older_folder_of_a_policy_is_taken_over_with_it(tmp_path: Path) -> None:
    warehouse = write_folder(tmp_path, "partitions", f"account{POLICY}")
    admit(warehouse.engine, Origin(ACCOUNT.account, POLICY))
    admit(write_folder(tmp_path / "another", "months", "sandbox").engine, Origin("sandbox"))


def test_the_note_of_a_newer_version_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    merge(warehouse, thing("a"))
    note = json.loads(warehouse.folder.origin.read_bytes())
    assert note.pop("warehouse") == read_warehouse_id(warehouse.engine)
    assert note == {"format": FORMAT, "account": ACCOUNT.account, "personal_data": ""}
    warehouse.folder.origin.write_text(json.dumps(note | {"format": FORMAT + 1, "more": "of a newer version"}))
    with pytest.raises(RefusedError, match="was written by a newer version"):
        admit(warehouse.engine, ACCOUNT)
