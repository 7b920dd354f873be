"""The DuckDB of this process that works on a lake."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

import duckdb
from psycopg.conninfo import make_conninfo

from resources.file_lock import FileLock
from resources.warehouse.duckdb_settings import read_duckdb_settings
from resources.warehouse.lake.address import CATALOGUE, ROWS, LakeAddress
from resources.warehouse.lake.extensions import load_extensions
from resources.warehouse.lake.session import KEEPALIVES
from resources.warehouse.sql import quoted_text

LAKE = "lake"
"""Name of the attached lake in SQL."""

MEMORY_MB = 384
"""Megabytes of memory that DuckDB may use: a lake's needs more, as it holds its Parquet files until they are sent."""

_CREDENTIALS = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
"""Parameters of the database that DuckDB keeps as a secret, so that none of its errors shows them."""

_NO_KEYS = dict.fromkeys(("KEY_ID", "SECRET", "SESSION_TOKEN"), "''")


class LakeDuckDB:
    """DuckDB with the lake attached, started when it is first opened; one that has failed is not used again.

    What does not fit its memory is spilled to a folder of its own, which the next one deletes if this process dies.
    """

    def __init__(self, address: LakeAddress, spill: Path, *, read_only: bool = False) -> None:
        """Keep the address, and the folder below which DuckDB may spill; nothing is started yet."""
        self._address, self._spill, self._read_only = address, spill, read_only
        self._duckdb: duckdb.DuckDBPyConnection | None = None
        self._folder: _SpillFolder | None = None

    @contextmanager
    def open(self, schema: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Connect to the lake, with a schema of it as the current one."""
        try:
            with self._start().cursor() as connection:
                connection.execute(f"USE {LAKE}.{schema}")
                yield connection
        except BaseException:
            self.close()
            raise

    def commit(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Commit a transaction of a connection to the lake, and take the keys to the objects away meanwhile.

        Where the database's answer is lost, DuckLake would delete the objects of a transaction that may be committed.
        """
        with connection.cursor() as other:
            other.execute(_make_secret("storage", "s3", _storage(self._address) | _NO_KEYS))
            connection.commit()
            other.execute(_make_secret("storage", "s3", _storage(self._address)))

    def close(self) -> None:
        """Stop it; the next use starts another."""
        if self._duckdb is not None:
            self._duckdb.close()
            self._duckdb = None
        if self._folder is not None:
            self._folder.delete()
            self._folder = None

    def _start(self) -> duckdb.DuckDBPyConnection:
        if self._duckdb is None:
            self._folder = _SpillFolder(self._spill)
            self._duckdb = duckdb.connect(
                config={**read_duckdb_settings(MEMORY_MB), "temp_directory": str(self._folder.path)}
            )
            load_extensions(self._duckdb)
            self._attach(self._duckdb)
        return self._duckdb

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        address = self._address
        parameters = address.parameters
        connection.execute(_make_secret("catalogue", "postgres", _credentials(parameters)))
        connection.execute(_make_secret("storage", "s3", _storage(address)))
        given_others = {name: value for name, value in parameters.items() if name not in _CREDENTIALS}
        others = make_conninfo("", **{**KEEPALIVES, **given_others})
        options = {
            "DATA_PATH": address.url(f"{ROWS}/"),
            "METADATA_SCHEMA": CATALOGUE,
            "META_SECRET": "catalogue",
        }
        given = [f"{name} {quoted_text(value)}" for name, value in options.items()]
        # erasing people rewrites objects, and would miss rows that stand in the catalogue
        given += ["DATA_INLINING_ROW_LIMIT 0", *(["READ_ONLY"] if self._read_only else [])]
        connection.execute(f"ATTACH {quoted_text(f'ducklake:postgres:{others}')} AS {LAKE} ({', '.join(given)})")


def _make_secret(name: str, kind: str, values: Mapping[str, str]) -> str:
    written = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"CREATE OR REPLACE SECRET {name} (TYPE {kind}, {written})"


def _credentials(parameters: Mapping[str, str]) -> dict[str, str]:
    return {
        _CREDENTIALS[name]: value if name == "port" else quoted_text(value)
        for name, value in parameters.items()
        if name in _CREDENTIALS
    }


def _storage(address: LakeAddress) -> dict[str, str]:
    keys = address.keys
    values = {
        "SCOPE": quoted_text(f"s3://{address.bucket}"),
        "KEY_ID": quoted_text(keys.access_key_id.get_secret_value()),
        "SECRET": quoted_text(keys.secret_access_key.get_secret_value()),
        "REGION": quoted_text(keys.region),
    }
    if keys.session_token:
        values["SESSION_TOKEN"] = quoted_text(keys.session_token.get_secret_value())
    if keys.endpoint_url:
        endpoint = urlsplit(keys.endpoint_url)
        values |= {"ENDPOINT": quoted_text(endpoint.netloc), "URL_STYLE": "'path'"}
        values["USE_SSL"] = str(endpoint.scheme == "https").lower()
    return values


class _SpillFolder:
    """A private folder that is locked while its process lives; those of dead ones below the same folder are deleted."""

    def __init__(self, below: Path) -> None:
        below.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(below).hold():  # else another process could delete the new folder before it is locked
            for other in below.iterdir():
                self._delete_if_dead(other)
            self.path = Path(mkdtemp(dir=below))
            self._lock = FileLock(self.path)
            self._lock.wait()

    def delete(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    @staticmethod
    def _delete_if_dead(other: Path) -> None:
        lock = FileLock(other, create=False)
        with suppress(FileNotFoundError):  # its process has just deleted it
            if lock.try_now():
                shutil.rmtree(other, ignore_errors=True)
                lock.release()
