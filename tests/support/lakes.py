"""Lakes for tests: each in a database and a folder of the object storage of its own."""

from collections.abc import Iterator
from io import BytesIO
from uuid import uuid4

import polars as pl
import psycopg

from pipelines.cluster.services import BUCKET, Services
from resources.settings import SharedWarehouse
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.objects import Objects


def make_lake(services: Services) -> dict[str, str]:
    """Make an empty database; returns the variables that name a lake in it."""
    name = f"lake_{uuid4().hex}"
    with psycopg.connect(services.database_url("warehouse"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return {
        "COUPONTOOLS_WAREHOUSE": services.database_url(name),
        "COUPONTOOLS_STORAGE": f"s3://{BUCKET}/{name}",
        **services.storage_variables,
    }


def read_everything() -> Iterator[tuple[str, str]]:
    """Read all objects of the lake of the environment, as bytes and as Parquet, and all tables of its database."""
    address = LakeAddress.of(SharedWarehouse.read())
    objects = Objects(address)
    for name in objects.list_below(""):
        content = objects.read(name)
        read = str(pl.read_parquet(BytesIO(content)).rows()) if name.endswith(".parquet") else ""
        yield name, content.decode("latin-1") + read
    with psycopg.connect(address.dsn) as connection:
        tables = (
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        for schema, table in connection.execute(tables).fetchall():
            yield f"{schema}.{table}", str(connection.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall())
