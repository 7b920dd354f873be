"""The settings of Dagster's instance: what is recommended for one host, and for several."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import pipelines

FOLDER = Path(pipelines.__path__[0])


def settings(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text("utf-8")))


@pytest.mark.parametrize("section", ["telemetry", "nux", "concurrency", "retention"])
def test_an_instance_of_several_hosts_limits_and_keeps_what_one_of_one_host_does(section: str) -> None:
    assert settings("dagster-cluster.yaml")[section] == settings("dagster.yaml")[section]


@pytest.mark.parametrize("name", ["dagster-cluster.yaml", "celery.yaml"])
def test_addresses_with_passwords_come_from_the_environment(name: str) -> None:
    given = str(settings(name))
    assert "'broker': {'env': 'DAGSTER_BROKER'}, 'backend': {'env': 'DAGSTER_BROKER'}" in given
    assert "://" not in given
