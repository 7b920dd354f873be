"""What the tests of the warehouse share: an empty one, in a folder or, with `--engine lake`, in a lake."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from resources.warehouse.warehouse import Warehouse


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is about the files of a folder, or about no warehouse, where the warehouse is a lake."""
    if config.getoption("--engine") == "lake":
        for item in (item for item in items if item.path.is_relative_to(Path(__file__).parent)):
            if item.get_closest_marker("files") or "warehouse" not in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip("not about a lake"))


@pytest.fixture
def warehouse(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    if request.config.getoption("--engine") == "lake":
        from tests.support.lakes import make_lake  # its packages are those of the group `cluster`

        for name, value in make_lake(request.getfixturevalue("services")).items():
            monkeypatch.setenv(name, value)
    with closing(Warehouse(tmp_path / "data")) as resource:
        yield resource
