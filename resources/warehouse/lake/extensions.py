"""The extensions of DuckDB that a lake needs: from Python wheels, or as DuckDB installs them from the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import duckdb

from resources.warehouse.errors import RefusedError
from resources.warehouse.sql import quoted_text

EXTENSIONS = ("httpfs", "postgres_scanner", "ducklake")


@contextmanager
def open_with_extensions() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB with the extensions and nothing else. Raises RefusedError if one cannot be loaded."""
    with duckdb.connect() as connection:
        load_extensions(connection)
        yield connection


def load_extensions(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the extensions into a DuckDB. Raises RefusedError if one cannot be loaded."""
    for name in EXTENSIONS:
        try:
            if file := find_in_wheel(name):
                connection.execute(f"LOAD {quoted_text(file)}")
            else:
                connection.execute(f"INSTALL {name}")
                connection.execute(f"LOAD {name}")
        except duckdb.Error as error:
            reason = " ".join(str(error).split())[:200]
            raise RefusedError(
                f"DuckDB {duckdb.__version__} has no extension {name}: {reason}. Let this machine reach "
                f"extensions.duckdb.org once, or install the package duckdb-extension-{name.replace('_', '-')} "
                "with the version of duckdb that it is made for."
            ) from None


def find_in_wheel(name: str) -> Path | None:
    """Find the file in the package of the extension that is made for this version of DuckDB."""
    spec = find_spec(f"duckdb_extension_{name}")
    folders = [Path(folder) for folder in spec.submodule_search_locations or []] if spec else []
    pattern = f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"
    return next((file for folder in folders for file in folder.glob(pattern)), None)
