"""The servers that several hosts share, from the wheels of the group `cluster`; without them tests are skipped."""

from collections.abc import Iterator

import click
import pytest

from pipelines.cluster.services import Services, find_programs, run_services


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """PostgreSQL, an object storage and a broker, empty, for all tests of a session."""
    try:
        find_programs()
    except click.ClickException as missing:
        pytest.skip(missing.message)
    with run_services(tmp_path_factory.mktemp("services")) as running:
        yield running
