"""The path of the Parquet file of a partition below the folder of its table, on disk or in object storage."""

from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from resources.warehouse.parquet_partitions import NO_PARTITION
from resources.warehouse.schema import TableSchema, Value

PARQUET_FILE_NAME = "data_0.parquet"
MAX_NAME = 200
"""Bytes of a folder's name; longer ids are named by their hash."""


def parquet_path(table: TableSchema, partition: str | None) -> Path:
    """Return the path of the file of a partition, or for None that of a table without rows.

    Ids of the API become harmless names, of which no two are the same.
    """
    if not table.files:
        return Path(PARQUET_FILE_NAME)
    if partition is None or not isinstance(table.files, Value):
        return Path(f"{table.files.name}={partition or NO_PARTITION}", PARQUET_FILE_NAME)
    name = quote(partition, safe="")
    if name == NO_PARTITION:  # it would be read as no value at all
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > MAX_NAME:
        name = f"sha256+{sha256(name.encode()).hexdigest()}"  # no quoted name has a plus in it
    return Path(f"{table.files.name}={name}", PARQUET_FILE_NAME)
