"""A lake between hosts: who may write, what readers see, and what becomes of dead runs and of what is away."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

psycopg = pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

import polars as pl

from pipelines.cluster.server import Server
from pipelines.cluster.services import Services
from resources.settings import SettingsError, SharedWarehouse
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.lake import upkeep
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.objects import Objects
from resources.warehouse.lake.process import LakeProcess
from resources.warehouse.local.file_engine import FileEngine
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.suppression import NOBODY
from tests.support.lakes import make_lake
from tests.support.small_table import PLAN, QUARANTINE, THINGS, done, fill, merge, open_batch, publish, published, thing

DIE_WITH_THE_LOCK = """
import os, signal
from resources.warehouse.resource import WarehouseResource
with WarehouseResource().engine.hold_writer_lock():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def lake(services: Services, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of an empty lake, which the environment has."""
    variables = make_lake(services)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def hosts(lake: dict[str, str], tmp_path: Path) -> Iterator[tuple[WarehouseResource, WarehouseResource]]:  # noqa: ARG001
    """Two processes' view of one lake, each with a folder of its own."""
    with (
        closing(WarehouseResource(data_dir=str(tmp_path / "one"))) as one,
        closing(WarehouseResource(data_dir=str(tmp_path / "two"))) as two,
    ):
        yield one, two


def seen(warehouse: WarehouseResource, query: str = "SELECT id FROM things ORDER BY ALL") -> list[tuple[object, ...]]:
    """What a reader sees, without a publish."""
    with warehouse.engine.open_published() as connection:
        return connection.execute(query).fetchall()


def test_what_one_host_merges_the_other_publishes_and_readers_see_nothing_before(
    hosts: tuple[WarehouseResource, WarehouseResource],
) -> None:
    one, two = hosts
    merge(one, thing("a"))
    assert published(two, "SELECT id FROM things") == [("a",)]
    merge(one, thing("b"))
    assert seen(one) == [("a",)]
    publish(two)
    assert seen(one) == [("a",), ("b",)]


def test_the_snapshot_that_is_published_and_the_one_before_outlive_what_nobody_reads(
    hosts: tuple[WarehouseResource, WarehouseResource],
) -> None:
    one, _ = hosts
    for number in range(5):
        merge(one, thing(str(number)))
        publish(one)
    with one.engine.open_published() as connection:
        pinned = [row[0] for row in connection.execute("SELECT version FROM _state.published").fetchall()]
        left = [row[0] for row in connection.execute("SELECT snapshot_id FROM ducklake_snapshots('lake')").fetchall()]
        older = f"SELECT count(*) FROM stage.things AT (VERSION => {min(pinned)})"
        assert connection.execute(older).fetchall() == [(4,)]
    assert len(pinned) == 2
    assert set(pinned) <= set(left)
    assert len(left) == 3


def test_many_small_objects_are_written_anew_as_few_and_readers_of_the_publish_before_go_on(
    hosts: tuple[WarehouseResource, WarehouseResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    for number in range(4):
        merge(one, thing("a", seen=number), thing(f"b{number}"))
    publish(one)
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    before = objects.list_below("lake/stage/things")
    monkeypatch.setattr(upkeep, "MAX_OBJECTS", 0)
    monkeypatch.setattr(upkeep, "GRACE", "0 SECONDS")
    merge(one, thing("c"))
    with two.engine.open_published() as reader:
        publish(one)
        assert reader.execute("SELECT count(*) FROM things").fetchall() == [(6,)]
        version = reader.execute("SELECT min(version) FROM _state.published").fetchall()[0][0]
        assert reader.execute(f"SELECT count(*) FROM stage.things AT (VERSION => {version})").fetchall() == [(5,)]
    for number in range(2):
        merge(one, thing(f"d{number}"))
        publish(one)
    assert seen(two, "SELECT count(*), count(DISTINCT id) FROM things") == [(8, 8)]
    assert len(objects.list_below("lake/stage/things")) < len(before)


def test_parquet_files_are_published_whole_and_only_changed_ones_are_written(
    hosts: tuple[WarehouseResource, WarehouseResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_PUBLISH_PARQUET", "true")
    one, two = hosts
    february = datetime(2026, 2, 1)
    merge(one, thing("a"), thing("b", made=february))
    assert publish(one).files_written == 3
    assert publish(two).files_written == 0
    first = in_tree()
    merge(two, thing("a", "blue", seen=1))
    assert publish(two).files_written == 1
    current = in_tree()
    assert {name.partition("/")[2] for name in current} == {
        "things/month=2026-01/data_0.parquet",
        "things/month=2026-02/data_0.parquet",
        "quarantine/data_0.parquet",
    }
    assert pl.concat([rows for name, rows in current.items() if "things" in name])["colour"].to_list() == [
        "blue",
        "red",
    ]
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    left = set(objects.list_below("published"))
    assert left == {f"published/{name}" for name in (*first, *current)}
    one.engine.write_suppression(one.engine.read_suppression(None))
    with one.engine.hold_writer_lock():
        with one.engine.open_stage() as connection:
            connection.execute("DELETE FROM things WHERE id = 'b'")
        one.engine.erase_history([THINGS, QUARANTINE], NOBODY)
    assert set(objects.list_below("published")) == {f"published/{name}" for name in in_tree()}
    assert [rows["id"].to_list() for name, rows in in_tree().items() if "things" in name] == [["a"]]


def in_tree() -> dict[str, pl.DataFrame]:
    """The published Parquet files, by the snapshot and their place."""
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    current = json.loads(objects.read("current.json"))
    names = sorted(f"{current['tree']}/{name}" for files in current["files"].values() for name in files)
    return {name.removeprefix("published/"): pl.read_parquet(BytesIO(objects.read(name))) for name in names}


def test_who_was_forgotten_in_the_folder_of_a_host_stays_so_in_the_lake(
    hosts: tuple[WarehouseResource, WarehouseResource],
) -> None:
    one, two = hosts
    forgotten = one.engine.read_suppression(None).with_identifiers(["zoe@example.com"])
    one.folder.make()
    FileEngine(one.folder).write_suppression(forgotten)
    assert one.engine.read_suppression(None) == forgotten
    assert two.engine.read_suppression(None) == forgotten


def test_the_lock_of_a_process_that_is_killed_is_free_at_once(
    hosts: tuple[WarehouseResource, WarehouseResource],
) -> None:
    one, _ = hosts
    merge(one, thing("a"))
    killed = subprocess.run([sys.executable, "-c", DIE_WITH_THE_LOCK], check=False)
    assert killed.returncode == -signal.SIGKILL
    merge(one, thing("b"))
    assert published(one, "SELECT count(*) FROM things") == [(2,)]


def test_who_has_lost_the_connection_of_the_lock_commits_nothing(
    hosts: tuple[WarehouseResource, WarehouseResource], lake: dict[str, str]
) -> None:
    one, two = hosts
    merge(one, thing("a"))

    def lose_the_lock() -> None:
        end_sessions(lake)
        merge(two, thing("b"))

    with pytest.raises(WarehouseError, match="was lost"):
        delete_all(one, lose_the_lock)
    assert published(two, "SELECT count(*) FROM things") == [(2,)]


def test_a_writer_that_passes_the_lock_by_is_noticed_before_the_commit(
    hosts: tuple[WarehouseResource, WarehouseResource], tmp_path: Path
) -> None:
    one, two = hosts
    merge(one, thing("a"))

    def write_without_lock() -> None:
        address = LakeAddress.of(SharedWarehouse.read())
        with closing(LakeProcess(address, tmp_path / "spill")) as process, process.open("stage") as connection:
            connection.execute("INSERT INTO things FROM things")

    with pytest.raises(WarehouseError, match="without the writer lock"):
        delete_all(one, write_without_lock)
    assert published(two, "SELECT count(*) FROM things") == [(2,)]


def delete_all(warehouse: WarehouseResource, meanwhile: Callable[[], None]) -> None:
    """Delete all things in one transaction, before whose commit something else happens."""
    with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
        connection.execute("DELETE FROM things")
        meanwhile()


def test_a_batch_of_a_dead_run_is_taken_up_on_the_other_host_and_that_of_a_living_one_is_not(
    hosts: tuple[WarehouseResource, WarehouseResource],
) -> None:
    one, two = hosts
    with open_batch(one, "things", timedelta(hours=1)) as batch:
        fill(batch, thing("a"))
        with open_batch(two, "things", timedelta(hours=1)) as other:
            assert other.name != batch.name
            other.delete()
    one.close()
    with open_batch(two, "things", timedelta(hours=1)) as again:
        assert (again.name, again.slices) == (batch.name, [done()])


def test_who_has_lost_a_batch_with_the_connection_writes_no_more_of_it(
    hosts: tuple[WarehouseResource, WarehouseResource], lake: dict[str, str]
) -> None:
    one, two = hosts
    with open_batch(one, "things", timedelta(hours=1)) as batch:
        fill(batch, thing("a"))
        end_sessions(lake)
        with open_batch(two, "things", timedelta(hours=1)) as taken:
            assert taken.name == batch.name
            with pytest.raises(WarehouseError, match="was lost"):
                fill(batch, thing("b"))
    assert [file for file in two.store.list_files(batch.name) if file > "000002"] == ["manifest.json"]


def end_sessions(lake: dict[str, str]) -> None:
    """End all connections to the database, as a restart of PostgreSQL does."""
    with psycopg.connect(lake["COUPONTOOLS_WAREHOUSE"]) as connection:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


@pytest.mark.parametrize("name", ["storage", "postgres"])
def test_what_is_away_for_a_while_costs_a_line_and_a_retry_and_no_row(
    hosts: tuple[WarehouseResource, WarehouseResource], services: Services, name: str
) -> None:
    one, two = hosts
    merge(one, thing("a"))
    with open_batch(one, "things", timedelta(hours=1)) as batch:
        fill(batch, thing("b"))
    server: Server = getattr(services, name)
    server.stop()
    try:
        with pytest.raises(WarehouseError, match="does not answer") as caught:
            merge(one, thing("c"))
    finally:
        server.start()
    assert not isinstance(caught.value, RefusedError)
    with open_batch(two, "things", timedelta(hours=1)) as again:
        assert again.slices == [done()]
        merge_batch(two.engine, again, PLAN)
    assert published(one, "SELECT id FROM things ORDER BY ALL") == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("variable", "value", "error", "said"),
    [
        ("AWS_SECRET_ACCESS_KEY", "another-secret", RefusedError, "refuses the export"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", WarehouseError, "does not answer"),
        ("COUPONTOOLS_STORAGE", "s3://coupontools/elsewhere", RefusedError, "do not lie below"),
        ("COUPONTOOLS_WAREHOUSE", "postgresql://postgres:hush-hush@127.0.0.1:9/x", WarehouseError, "does not answer"),
    ],
)
def test_what_does_not_answer_or_refuses_is_named_in_a_line_without_a_secret(
    lake: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    error: type[WarehouseError],
    said: str,
) -> None:
    with closing(WarehouseResource(data_dir=str(tmp_path))) as warehouse:
        merge(warehouse, thing("a"))
    monkeypatch.setenv(variable, value)
    with closing(WarehouseResource(data_dir=str(tmp_path))) as warehouse, pytest.raises(error, match=said) as caught:
        publish(warehouse)
    secrets = [lake["AWS_SECRET_ACCESS_KEY"], "another-secret", "hush-hush"]
    assert not [secret for secret in secrets if secret in str(caught.value)]
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_settings_that_name_half_of_a_lake_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_WAREHOUSE", "postgresql://localhost/x")
    with pytest.raises(SettingsError, match="COUPONTOOLS_STORAGE is not set"):
        WarehouseResource().engine.has_rows()
