"""A person who is planted in tables, erased, and searched for in every file."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
from pydantic import SecretStr

from assets.ingest.personal_data import Redactor
from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from assets.tables.sms_contacts import SmsContact
from assets.tables.table import Table
from resources.settings import PersonalData
from resources.warehouse.batch import Batch, CompletedSlice, SliceKey
from resources.warehouse.erasure import People
from resources.warehouse.erasure import forget as erase
from resources.warehouse.merge import MergePlan
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.origin import Origin
from resources.warehouse.suppression import keyed_hash
from resources.warehouse.warehouse import Warehouse
from tests.support.small_table import open_batch

EMAIL, PHONE, NATIONAL = "zoe.planted@example.com", "32470112233", "0470112233"
NAMES = (EMAIL, PHONE, NATIONAL, "470112233", "zoe.planted", "Plantedname")
KEY = "a secret that nobody knows"
TABLES = [table.schema_of_table() for table in (CouponSession, SmsContact, Quarantine)]
NOON = datetime(2026, 1, 1, 12)

Rows = Sequence[Mapping[str, object]]


def policy(name: str) -> PersonalData:
    secret = None if name == "keep" else SecretStr(KEY)
    return PersonalData.model_validate({"personal_data": name, "personal_data_key": secret})


def origin(name: str) -> Origin:
    return Origin("account 0123456789abcdef", policy(name).label)


def read(
    batch: Batch, table: type[Table], rows: Rows, rejected: Sequence[str] = (), redactor: Redactor | None = None
) -> None:
    """Write rows and rejected records into a batch, redacted as an export redacts them."""
    filled = {"session_id", "phone"} & set(table.KEY)
    frame = pl.DataFrame(
        [
            dict.fromkeys(filled, f"{number}") | {"created_at": NOON, "_extracted_at": NOON} | dict(row)
            for number, row in enumerate(rows)
        ],
        schema=table.schema_of_frames(),
    )
    of = {"table_name": table.TABLE, "endpoint": "v3/x", "page": 1, "reason": "none", "_extracted_at": NOON}
    refused = pl.DataFrame([of | {"record": record} for record in rejected], Quarantine.schema_of_frames())
    frames = frame, refused, frame.select(table.KEY)
    batch.add(*(redactor.redact(*frames) if redactor else frames))
    batch.complete(CompletedSlice(SliceKey("v3/x", "p"), len(rows), len(rejected)))
    batch.flush()


def put(warehouse: Warehouse, table: type[Table], rows: Rows, rejected: Sequence[str] = (), name: str = "keep") -> None:
    """Read rows, and merge them."""
    suppressed = warehouse.engine.read_suppression(policy(name).secret)
    with open_batch(warehouse, table.TABLE, suppression=suppressed.version) as batch:
        read(batch, table, rows, rejected, Redactor.over(table, policy(name), suppressed))
        merge(warehouse, batch, table, name)


def merge(warehouse: Warehouse, batch: Batch, table: type[Table], name: str = "keep") -> None:
    secret = policy(name).secret
    plan = MergePlan(table.schema_of_table(), Quarantine.schema_of_table(), origin(name), secret=secret)
    merge_batch(warehouse.engine, batch, plan)


def forget_people(warehouse: Warehouse, people: People) -> dict[str, int]:
    return erase(warehouse.engine, warehouse.store, people, TABLES)


def forget(warehouse: Warehouse, *identifiers: str, name: str = "keep") -> dict[str, int]:
    secret = policy(name).secret
    hashes = {keyed_hash(secret, identifier) for identifier in identifiers} if secret else set[str]()
    return forget_people(warehouse, People(identifiers, hashes, origin(name), secret))


def rows(warehouse: Warehouse, query: str) -> list[tuple[object, ...]]:
    with warehouse.engine.open_published() as connection:
        return connection.execute(query).fetchall()


def where_found(warehouse: Warehouse, texts: Sequence[str] = NAMES) -> set[str]:
    """The files, objects and tables of the catalogue that have one of the texts, in their bytes or as they are read."""
    places = {place for place, text in _read_files(warehouse.folder.root) if _has_any(text, texts)}
    if "COUPONTOOLS_WAREHOUSE" in os.environ:
        from tests.support.lakes import read_everything  # its packages are those of the group `cluster`

        places |= {place for place, text in read_everything() if _has_any(text, texts)}
    return places


def _has_any(text: str, texts: Sequence[str]) -> bool:
    text = text.lower()
    return any(name.lower() in text for name in texts)


def _read_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Read each file as its bytes are, and as DuckDB reads it."""
    with duckdb.connect() as connection:
        for path in (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            said = path.read_bytes().decode("latin-1")
            if path.suffix == ".parquet":
                said += str(connection.execute(f"FROM read_parquet('{path}')").fetchall())
            elif path.suffix == ".duckdb":
                connection.execute(f"ATTACH '{path}' AS looked (READ_ONLY)")
                tables = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'looked'"
                for schema, table in connection.execute(tables).fetchall():
                    said += str(connection.execute(f'FROM looked."{schema}"."{table}"').fetchall())
                connection.execute("DETACH looked")
            yield str(path.relative_to(folder)), said
