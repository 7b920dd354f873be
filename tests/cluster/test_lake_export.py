"""An export into a lake: the same tables as in a folder, and what the commands say of it."""

import re
import shutil
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

import duckdb
from click.testing import CliRunner

from assets.catalogue import TABLES
from assets.relations import relations_of_models
from pipelines.cli import app
from pipelines.cluster.services import Services
from pipelines.export import export_days
from resources.sandbox.account.handmade import HandmadeAccount
from resources.settings import SharedWarehouse
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.objects import Objects
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.accounts import WHOLE_COUNTS, account, campaign, session, whole_account
from tests.support.lakes import make_lake
from tests.support.runs import export_only
from tests.support.table_assets import campaigns, coupon_sessions

DAYS = date(2026, 1, 1), date(2026, 1, 20)


def published() -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables and views, but for when they were read."""
    with closing(Warehouse()) as warehouse, warehouse.engine.open_published() as connection:
        rows = {}
        for relation in relations_of_models():
            columns = "* EXCLUDE (_extracted_at)" if relation.schema == "main" else "*"
            query = f'SELECT {columns} FROM {relation.schema}."{relation.name}"'
            rows[relation.title] = sorted(connection.execute(query).fetchall(), key=repr)
    return rows


def described(database: Path) -> list[tuple[object, ...]]:
    """The columns of all tables and views of a database, with their types and comments, and all rows."""
    with duckdb.connect(str(database), read_only=True) as connection:
        columns = "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns()"
        found = connection.execute(f"{columns} WHERE NOT internal ORDER BY ALL").fetchall()
        for table in TABLES:
            rows = connection.execute(f"SELECT * EXCLUDE (_extracted_at) FROM {table.TABLE}")
            found += sorted(rows.fetchall(), key=repr)
        return found


@pytest.fixture
def lake(services: Services) -> dict[str, str]:
    """The variables of an empty lake, which the environment gets with `enter`."""
    return make_lake(services)


def enter(lake: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in lake.items():
        monkeypatch.setenv(name, value)


def test_an_account_is_the_same_in_a_lake_and_in_a_folder(
    serve: Serve, lake: dict[str, str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(whole_account())
    export_days(*DAYS)
    in_folder = published()
    enter(lake, monkeypatch)
    exported = export_days(*DAYS)
    in_lake = published()
    assert {table: rows for table, rows in in_lake.items() if rows != in_folder[table]} == {}
    assert exported.rows.keys() >= WHOLE_COUNTS.keys()
    assert exported.published_places["catalogue"].startswith("postgresql://127.0.0.1:")
    objects = Objects(LakeAddress.of(SharedWarehouse.read()))
    assert objects.read("dictionary.md") == (data_dir / "dictionary.md").read_bytes()
    assert b"<svg" in objects.read("report.html")
    run("download", "--to", str(data_dir / "downloaded.duckdb"))
    assert (data_dir / "downloaded.duckdb").stat().st_mode & 0o777 == 0o444
    assert described(data_dir / "downloaded.duckdb") == described(data_dir / "coupontools.duckdb")


def test_a_record_whose_id_the_lake_could_not_look_up_does_not_stop_the_next_exports(
    serve: Serve, lake: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(HandmadeAccount([campaign(1)], {"cam_1": [session(1), session(2, session_id="s\0")]}))
    enter(lake, monkeypatch)
    for _ in range(2):
        export_only(campaigns, coupon_sessions, full=True)
    with closing(Warehouse()) as warehouse, warehouse.engine.open_published() as connection:
        reasons = connection.execute("SELECT reason FROM quarantine").fetchall()
    assert reasons == [("session: Input should be a text without the character U+0000",)]


def test_the_commands_work_on_a_lake_from_a_host_without_any_file_of_it(
    serve: Serve, lake: dict[str, str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    enter(lake, monkeypatch)
    assert run("check").splitlines()[1:-1] == [
        f"ok      the database {place_of(lake)} answers (PostgreSQL …)",
        "ok      the writer lock can be taken",
        f"ok      the storage {lake['COUPONTOOLS_STORAGE']} can be written, and honours conditional writes",
        "ok      DuckDB has ducklake …, httpfs …, postgres_scanner …",
        "ok      the database is this account's, or nobody's yet",
    ]
    export_days(*DAYS)
    shutil.rmtree(data_dir, ignore_errors=True)
    assert "are now those of the account" in run("adopt")
    assert "Later exports keep them out" in run("forget", "--email", "ann@example.com")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody-else")
    refused = CliRunner().invoke(app, ["check"]).output
    assert f"The database {place_of(lake)} holds the rows of another account: set COUPONTOOLS_WAREHOUSE" in refused


def place_of(lake: dict[str, str]) -> str:
    return lake["COUPONTOOLS_WAREHOUSE"].rpartition("@")[2]


def run(*command: str) -> str:
    """Run a command; returns what it prints, without versions of extensions."""
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return re.sub(r"(ducklake|httpfs|postgres_scanner|PostgreSQL) [\w.]+", r"\1 …", result.output)
