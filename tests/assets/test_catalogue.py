"""The tables are discovered, and the asset of a table follows from its Source."""

from pathlib import Path
from typing import ClassVar

import dagster as dg
import duckdb
import pytest

from assets.catalogue import KEYED, SOURCES, TABLES
from assets.ingest.extract_source import extract_source
from assets.table_assets import ASSETS, table_asset
from assets.tables.campaigns import Campaign
from assets.tables.quarantine import Quarantine
from assets.tables.table import Source, Table, column
from assets.tables.types import Id, Text
from pipelines.probe.endpoints import PARTS
from resources.coupontools.endpoints import ENDPOINTS
from resources.coupontools.resource import CoupontoolsResource
from resources.warehouse.resource import WarehouseResource
from tests.conftest import Serve
from tests.support.accounts import whole_account


class NamedGroup(Table):
    """A table that only its model and Source declare."""

    TABLE: ClassVar[str] = "named_groups"
    KEY: ClassVar[tuple[str, ...]] = ("group_id",)
    SOURCE: ClassVar[Source] = Source("messaging", parts=("sms_groups",))

    group_id: Id = column({"ID": "documented"}, doc="Group", required=True)
    name: Text | None = column({"name": "documented"}, doc="Name of the group")


def test_every_module_of_a_table_is_in_the_catalogue() -> None:
    modules = {path.stem for path in Path("assets/tables").glob("*.py")} - {"__init__", "table", "types"}
    assert {table.TABLE for table in TABLES} == modules
    assert set(TABLES) - set(KEYED) == {Quarantine}
    assert ASSETS.keys() == SOURCES.keys()


def test_every_part_of_the_account_belongs_to_one_table() -> None:
    parts = [part for source in SOURCES.values() for part in (*source.parts, source.description, source.active) if part]
    assert sorted(parts) == sorted(ENDPOINTS)
    assert PARTS.keys() == ENDPOINTS.keys()


def test_a_table_needs_no_asset_function_if_its_source_says_all(serve: Serve, data_dir: Path) -> None:
    serve(whole_account())
    asset = table_asset(NamedGroup, extract_source)
    resources = {"coupontools": CoupontoolsResource(), "warehouse": WarehouseResource()}
    assert dg.materialize([asset], resources=resources).success
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb"), read_only=True) as stage:
        rows = stage.execute("SELECT group_id, name FROM named_groups").fetchall()
        names = stage.execute("SELECT count(*) FROM named_groups WHERE name IS NULL").fetchone()
    assert rows
    assert names == (0,)


def test_a_table_that_the_export_makes_has_no_asset_of_its_own() -> None:
    with pytest.raises(TypeError, match="quarantine is not read from the API"):
        table_asset(Quarantine, extract_source)
    assert Campaign.HISTORY is None
