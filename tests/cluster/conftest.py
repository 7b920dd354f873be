"""What the tests of a lake share: an empty one, and two processes that work on it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.cluster.services import Services
from resources.warehouse.warehouse import Warehouse


@pytest.fixture
def lake(services: Services, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of an empty lake, which the environment has."""
    from tests.support.lakes import make_lake  # its packages are those of the group `cluster`

    variables = make_lake(services)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def hosts(lake: dict[str, str], tmp_path: Path) -> Iterator[tuple[Warehouse, Warehouse]]:  # noqa: ARG001
    """Two processes' view of one lake, each with a folder of its own."""
    with (
        closing(Warehouse(tmp_path / "one")) as one,
        closing(Warehouse(tmp_path / "two")) as two,
    ):
        yield one, two
