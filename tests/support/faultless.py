"""The whole account as an export without faults publishes it, and what an export reports."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from resources.account_fingerprint import ACCOUNT
from resources.warehouse.admission import adopt
from resources.warehouse.origin import Origin
from resources.warehouse.warehouse import Warehouse
from tests.support.accounts import WHOLE_COUNTS, whole_account
from tests.support.queries import Rows, all_tables
from tests.support.runs import Metadata, export_all, served

DAYS = (date(2025, 12, 31), date(2026, 11, 1))

PERIOD: Mapping[str, object] = {"start": str(DAYS[0]), "end": str(DAYS[1])}


SMALL_PAGES = {
    "session_page_size": 40,
    "registration_page_size": 40,
    "v4_registration_page_size": 40,
    "v4_loyalty_page_size": 40,
}


def files(data_dir: Path) -> dict[str, bytes]:
    """All that is published, byte for byte."""
    folder = (data_dir / "parquet").resolve()
    bodies = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}
    return bodies | {"database": (data_dir / "coupontools.duckdb").read_bytes()}


def total(reports: Mapping[str, Metadata], name: str) -> int:
    return sum(int(str(metadata.get(name, 0))) for metadata in reports.values())


@cache
def faultless(versions: str = "") -> tuple[TemporaryDirectory[str], Mapping[str, Rows]]:
    """The folder and the tables of an export of the whole account without faults."""
    folder = TemporaryDirectory()
    with served(whole_account(), Path(folder.name), COUPONTOOLS_API_VERSIONS=versions):
        reports = export_all(**PERIOD)
    assert total(reports, "API retries") == 0
    # each test serves the account at an address of its own: the first that comes takes the folder over
    adopt(Warehouse(folder.name).engine, Origin(ACCOUNT))
    tables = all_tables(Path(folder.name))
    assert {table: len(rows) for table, rows in tables.items()} == WHOLE_COUNTS
    return folder, tables
