"""A lake between hosts: who may write, what readers see, and what becomes of dead runs and of what is away."""

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

psycopg = pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")


from pipelines.cluster.server import Server
from pipelines.cluster.services import Services
from resources.settings import SettingsError, SharedWarehouse
from resources.warehouse.admission import admit
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.lake import upkeep
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.lake_duckdb import LakeDuckDB
from resources.warehouse.local.file_engine import FileEngine
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.warehouse import Warehouse
from tests.support.lakes import make_lake
from tests.support.lost_answers import losing_answers
from tests.support.small_table import ACCOUNT, PLAN, done, fill, merge, open_batch, publish, published, thing

DIE_WITH_THE_LOCK = """
import os, signal
from resources.warehouse.warehouse import Warehouse
with Warehouse().engine.hold_writer_lock():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def seen(warehouse: Warehouse, query: str = "SELECT id FROM things ORDER BY ALL") -> list[tuple[object, ...]]:
    """What a reader sees, without a publish."""
    with warehouse.engine.open_published() as connection:
        return connection.execute(query).fetchall()


def test_what_one_host_merges_the_other_publishes_and_readers_see_nothing_before(
    hosts: tuple[Warehouse, Warehouse],
) -> None:
    one, two = hosts
    merge(one, thing("a"))
    assert published(two, "SELECT id FROM things") == [("a",)]
    merge(one, thing("b"))
    assert seen(one) == [("a",)]
    publish(two)
    assert seen(one) == [("a",), ("b",)]


def test_who_was_forgotten_in_the_folder_of_a_host_stays_so_in_the_lake(
    hosts: tuple[Warehouse, Warehouse],
) -> None:
    one, two = hosts
    forgotten = one.engine.read_suppression(None).with_identifiers(["zoe@example.com"])
    one.folder.make()
    FileEngine(one.folder).write_suppression(forgotten)
    assert one.engine.read_suppression(None) == forgotten
    assert two.engine.read_suppression(None) == forgotten


def test_the_lock_of_a_process_that_is_killed_is_free_at_once(
    hosts: tuple[Warehouse, Warehouse],
) -> None:
    one, _ = hosts
    merge(one, thing("a"))
    killed = subprocess.run([sys.executable, "-c", DIE_WITH_THE_LOCK], check=False)
    assert killed.returncode == -signal.SIGKILL
    merge(one, thing("b"))
    assert published(one, "SELECT count(*) FROM things") == [(2,)]


def test_who_has_lost_the_connection_of_the_lock_commits_nothing(
    hosts: tuple[Warehouse, Warehouse], lake: dict[str, str]
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
    hosts: tuple[Warehouse, Warehouse], tmp_path: Path
) -> None:
    one, two = hosts
    merge(one, thing("a"))

    def write_without_lock() -> None:
        address = LakeAddress.of(SharedWarehouse.read())
        with closing(LakeDuckDB(address, tmp_path / "spill")) as lake_duckdb, lake_duckdb.open("stage") as connection:
            connection.execute("INSERT INTO things FROM things")

    with pytest.raises(WarehouseError, match="without the writer lock"):
        delete_all(one, write_without_lock)
    assert published(two, "SELECT count(*) FROM things") == [(2,)]


def delete_all(warehouse: Warehouse, meanwhile: Callable[[], None]) -> None:
    """Delete all things in one transaction, before whose commit something else happens."""
    with warehouse.engine.hold_writer_lock(), warehouse.engine.open_stage() as connection:
        connection.execute("DELETE FROM things")
        meanwhile()


def test_a_batch_of_a_dead_run_is_taken_up_on_the_other_host_and_that_of_a_living_one_is_not(
    hosts: tuple[Warehouse, Warehouse],
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
    hosts: tuple[Warehouse, Warehouse], lake: dict[str, str]
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


@pytest.mark.parametrize("query", ["SELECT count(*) FROM things", "SELECT * FROM things WHERE id = 'a'"])
def test_a_connection_that_is_lost_inside_a_transaction_costs_a_line_and_no_row(
    hosts: tuple[Warehouse, Warehouse], lake: dict[str, str], query: str
) -> None:
    one, two = hosts
    merge(one, thing("a"))

    def ask_when_it_is_lost() -> None:
        with one.engine.hold_writer_lock(), one.engine.open_stage() as connection:
            connection.execute("SELECT colour FROM things").fetchall()
            end_sessions(lake)
            connection.execute(query).fetchall()

    with pytest.raises(WarehouseError, match=r"does not answer: .*: run it again once it does") as caught:
        ask_when_it_is_lost()
    assert "\n" not in str(caught.value)
    merge(two, thing("b"))
    assert published(two, "SELECT id FROM things ORDER BY ALL") == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("commit", "statement"),
    [(1, b"COMMIT"), (2, b"COMMIT"), (3, b"COMMIT"), (4, b"COMMIT"), (1, b"INSERT"), (2, b"INSERT")],
)
def test_a_commit_whose_answer_is_lost_may_have_been_made_and_takes_no_object_with_it(
    hosts: tuple[Warehouse, Warehouse],
    services: Services,
    lake: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    commit: int,
    statement: bytes,
) -> None:
    """The first one is that of a merge, the second one of a publish, the others are those of a compaction."""
    one, two = hosts
    for number in range(3):
        merge(one, thing("a", seen=number), thing(f"b{number}"))
    with losing_answers(services.host, services.ports.postgres) as way:
        monkeypatch.setenv(
            "COUPONTOOLS_WAREHOUSE",
            lake["COUPONTOOLS_WAREHOUSE"].replace(f":{services.ports.postgres}/", f":{way.port}/"),
        )
        with closing(Warehouse(tmp_path / "far")) as far:
            publish(far)
            monkeypatch.setattr(upkeep, "MAX_OBJECTS", 0)
            way.lose(commit, statement)
            with pytest.raises(WarehouseError, match=r"does not answer: .*: run it again once it does"):
                merge_and_publish(far)
            assert way.is_lost
    monkeypatch.setenv("COUPONTOOLS_WAREHOUSE", lake["COUPONTOOLS_WAREHOUSE"])
    merge_and_publish(two)
    assert seen(two) == [("a",), ("b0",), ("b1",), ("b2",), ("c",)]


def merge_and_publish(warehouse: Warehouse) -> None:
    merge(warehouse, thing("c"))
    publish(warehouse)


@pytest.mark.parametrize("name", ["storage", "postgres"])
def test_what_is_away_for_a_while_costs_a_line_and_a_retry_and_no_row(
    hosts: tuple[Warehouse, Warehouse], services: Services, name: str
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
        ("COUPONTOOLS_DATA_DIR", "/dev/null/data", WarehouseError, "/dev/null/data/.* cannot be used: Not a directory"),
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
    with closing(Warehouse(tmp_path)) as warehouse:
        merge(warehouse, thing("a"))
    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(variable, value)
    with closing(Warehouse()) as warehouse, pytest.raises(error, match=said) as caught:
        publish(warehouse)
    secrets = [lake["AWS_SECRET_ACCESS_KEY"], "another-secret", "hush-hush"]
    assert not [secret for secret in secrets if secret in str(caught.value)]
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_reader_with_a_wrong_parameter_is_not_shown_the_password_of_the_key_beside_it(
    lake: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_WAREHOUSE", lake["COUPONTOOLS_WAREHOUSE"] + "?sslmode=wrong&sslpassword=hush-hush")
    with closing(Warehouse(tmp_path)) as warehouse, pytest.raises(WarehouseError, match="invalid sslmode") as caught:
        warehouse.engine.open_published().__enter__()
    assert "hush-hush" not in str(caught.value)


def test_another_database_with_the_same_storage_is_refused_before_it_takes_a_batch_or_deletes_rows(
    hosts: tuple[Warehouse, Warehouse], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = hosts
    admit(one.engine, ACCOUNT)
    merge(one, thing("a"))
    monkeypatch.setenv("COUPONTOOLS_WAREHOUSE", make_lake(services)["COUPONTOOLS_WAREHOUSE"])
    for use in (lambda: admit(other.engine, ACCOUNT), lambda: merge(other, thing("b"))):
        with pytest.raises(RefusedError, match="does not know"):
            use()
    assert published(one, "SELECT id FROM things") == [("a",)]


def test_settings_that_name_half_of_a_lake_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_WAREHOUSE", "postgresql://localhost/x")
    with pytest.raises(SettingsError, match="COUPONTOOLS_STORAGE is not set"):
        Warehouse().engine.has_rows()
