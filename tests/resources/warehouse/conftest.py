"""What the tests of the warehouse share: one in an empty folder."""

from pathlib import Path

import pytest

from resources.warehouse.resource import WarehouseResource


@pytest.fixture
def warehouse(tmp_path: Path) -> WarehouseResource:
    return WarehouseResource(data_dir=str(tmp_path / "data"))
