"""What the tests of the warehouse share: an empty one, in a folder or, with `--engine lake`, in a lake."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from resources.warehouse.resource import WarehouseResource


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is about the files of a folder where the warehouse is a lake."""
    if config.getoption("--engine") == "lake":
        for item in items:
            if item.get_closest_marker("files"):
                item.add_marker(pytest.mark.skip("about the files of a folder"))


@pytest.fixture
def warehouse(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WarehouseResource]:
    if request.config.getoption("--engine") == "lake":
        from tests.support.lakes import make_lake  # its packages are those of the group `cluster`

        for name, value in make_lake(request.getfixturevalue("services")).items():
            monkeypatch.setenv(name, value)
    with closing(WarehouseResource(data_dir=str(tmp_path / "data"))) as resource:
        yield resource
