"""Rows that are kept for a time only leave the stage, and with the next publish the database and the files."""

from datetime import timedelta

import pytest

from resources.warehouse.retention import delete_rows_before
from resources.warehouse.warehouse import Warehouse
from tests.support.small_table import NOON, THINGS, merge, publish, published, thing

pytestmark = pytest.mark.files


def test_rows_before_a_moment_are_deleted_with_their_files(warehouse: Warehouse) -> None:
    merge(
        warehouse,
        thing("old", made=NOON - timedelta(days=40)),
        thing("new"),
        thing("undated", made=None),
    )
    publish(warehouse)
    assert delete_rows_before(warehouse.engine, THINGS, "made_at", NOON) == 1
    assert delete_rows_before(warehouse.engine, THINGS, "made_at", NOON) == 0
    assert published(warehouse, "SELECT id FROM things ORDER BY id") == [("new",), ("undated",)]
    months = {path.name for path in (warehouse.folder.parquet / "things").iterdir()}
    assert "month=2026-01" in months
    assert "month=2025-11" not in months
