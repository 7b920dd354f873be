"""Processes of Dagster on several hosts: its page and daemon on one of them, a worker on each of the others.

A host has a folder of its own, for its home, its `DAGSTER_HOME` and its data, so that nothing but the servers is
shared. On one machine a host is only such a folder, unless a `prefix` isolates its commands in a network namespace.
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from dagster_celery.make_app import make_app

import pipelines
from pipelines.cluster.server import Server
from pipelines.cluster.services import LOOPBACK, Services

_YAML = Path(pipelines.__path__[0])


@dataclass(frozen=True)
class Network:
    """The address at which hosts reach this machine, and the prefix of each host's commands."""

    address: str = LOOPBACK
    prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    """A host: its name, its folder, and the prefix of its commands."""

    name: str
    folder: Path
    prefix: tuple[str, ...] = ()

    @property
    def data_dir(self) -> Path:
        """What COUPONTOOLS_DATA_DIR is there."""
        return self.folder / "data"

    @property
    def dagster_home(self) -> Path:
        """What DAGSTER_HOME is there."""
        return self.folder / "dagster"

    def variables(self, services: Services) -> dict[str, str]:
        """Make its folders; returns the variables of its processes, besides those that all hosts have."""
        self.dagster_home.mkdir(parents=True, exist_ok=True)
        shutil.copy(_YAML / "dagster-cluster.yaml", self.dagster_home / "dagster.yaml")
        return {
            "HOME": str(self.folder),
            "DAGSTER_HOME": str(self.dagster_home),
            "COUPONTOOLS_DATA_DIR": str(self.data_dir),
            "DAGSTER_DATABASE": services.database_url("dagster").replace("postgresql://", "postgresql+psycopg2://"),
            "DAGSTER_BROKER": f"{services.broker_url}/0",
            "PYTHONWARNINGS": "ignore",
        }


def make_worker(host: Host, services: Services, shared: Mapping[str, str]) -> Server:
    """Make the worker of a host, which runs one run at a time; `shared` are the variables that all hosts have."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    variables = {**shared, **host.variables(services), "PATH": path}  # of the program celery, which it starts
    broker = variables["DAGSTER_BROKER"]
    celery = make_app({"broker": broker, "backend": broker})
    command = [*host.prefix, sys.executable, "-m", "dagster_celery.cli", "worker", "start"]
    command += ["-A", "dagster_celery.app", "-y", str(_YAML / "celery.yaml"), "-q", "dagster", "-n", host.name]

    def answers() -> bool:
        names = [name for answer in celery.control.ping(timeout=0.5) for name in answer]
        return any(name.startswith(f"{host.name}@") for name in names)

    return Server(f"The worker {host.name}", [*command, "--", "--concurrency", "1"], _log(host), answers, variables)


def make_front(host: Host, services: Services, shared: Mapping[str, str], port: int) -> Server:
    """Make Dagster's page and daemon on a host, at a port of loopback."""
    command = [*host.prefix, sys.executable, "-W", "ignore", "-m", "dagster", "dev", "-h", LOOPBACK, "-p", str(port)]
    variables = {**shared, **host.variables(services)}

    def answers() -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://{LOOPBACK}:{port}/server_info", trust_env=False).is_success
        return False

    return Server("Dagster", [*command, "-m", "pipelines.definitions"], _log(host), answers, variables)


def _log(host: Host) -> Path:
    host.folder.mkdir(parents=True, exist_ok=True)
    return host.folder / "log"
