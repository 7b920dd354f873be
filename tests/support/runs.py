"""Reads tables and publishes them without Dagster, for tests that are about what the assets bring."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets import materialization
from assets.catalogue import EXTRACTS, TABLES
from assets.ingest.destination import RunResources
from assets.ingest.ingest import ingest
from assets.table_assets import ASSETS
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table, source_of
from assets.window import Window
from resources.coupontools.account import CoupontoolsAccount
from resources.sandbox.account.account import Account
from resources.sandbox.endpoints.routes import ENDPOINTS
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.warehouse import Warehouse
from tests.support.table_assets import coupon_sessions

Metadata = dict[str, object]


def served_at(server: SandboxServer) -> dict[str, str]:
    """The variables that name a server and its keys."""
    return {
        "COUPONTOOLS_API_URL": server.url,
        "COUPONTOOLS_CLIENT_ID": server.client_id,
        "COUPONTOOLS_CLIENT_SECRET": server.client_secret,
    }


@contextmanager
def served(account: Account, data_dir: Path, **environment: str) -> Iterator[SandboxServer]:
    """Serve an account without faults, for several tests; the environment names the server and `data_dir`."""
    with SandboxServer(account) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in {**served_at(server), "COUPONTOOLS_DATA_DIR": str(data_dir), **environment}.items():
            patch.setenv(name, value)
        yield server


def ingest_only(*assets: dg.AssetsDefinition, **days: Any) -> dict[str, Metadata]:
    """Read the tables of some assets into the stage; returns the metadata of each.

    Those with days are read from `start` to `end`, or with `full` to all that there is. Raises an error of `FORESEEN`;
    a blocking check of what was read must not fail.
    """
    with closing(Warehouse()) as warehouse:
        return _ingest(warehouse, assets, days)


def export_only(*assets: dg.AssetsDefinition, **days: Any) -> dict[str, Metadata]:
    """Read the tables of some assets as `ingest_only` does, and publish as `publish_only` does."""
    with closing(Warehouse()) as warehouse:
        reports = _ingest(warehouse, assets, days)
        _publish(warehouse, assets)
    return reports


def publish_only(*assets: dg.AssetsDefinition) -> None:
    """Publish the tables of some assets, and those that were published before, as the stage has them.

    No checks of the stage, no marts, no report.
    """
    with closing(Warehouse()) as warehouse:
        _publish(warehouse, assets)


def _ingest(
    warehouse: Warehouse, assets: Sequence[dg.AssetsDefinition], days: Mapping[str, Any]
) -> dict[str, Metadata]:
    window = Window() if days == {"full": True} else Window(*map(date.fromisoformat, days.values()))
    resources = RunResources(CoupontoolsAccount(), warehouse, logging.getLogger("tests"))
    reports = dict[str, Metadata]()
    for table in _tables_of(assets):
        of_days = window if source_of(table).day else None
        for result in materialization.make_results(ingest(resources, table, EXTRACTS[table], of_days)):
            assert isinstance(result, dg.MaterializeResult), result
            assert result.asset_key
            reports[result.asset_key.to_user_string()] = dict(result.metadata or {})
    return reports


def _publish(warehouse: Warehouse, assets: Sequence[dg.AssetsDefinition]) -> None:
    filled = _tables_of(assets)
    written = {*filled, *(table.HISTORY for table in filled), Quarantine}
    published = [
        table.schema_of_table()
        for table in TABLES
        if len(filled) == len(ASSETS) or table in written or (warehouse.folder.parquet / table.TABLE).exists()
    ]
    with warehouse.engine.open_publication(published):
        pass


def _tables_of(assets: Sequence[dg.AssetsDefinition]) -> list[type[Table]]:
    return [table for table, asset in ASSETS.items() if asset in assets]


def export_all(**days: Any) -> dict[str, Metadata]:
    """Read all assets as `ingest_only` does, and publish all tables; no checks of the stage, no marts, no report."""
    with closing(Warehouse()) as warehouse:
        reports = _ingest(warehouse, list(ASSETS.values()), days)
        with warehouse.engine.open_publication([table.schema_of_table() for table in TABLES]):
            pass
    return reports


def export_sessions(start: date, end: date) -> Metadata:
    """Read the sessions of a range of days, and publish; returns their metadata."""
    return export_only(coupon_sessions, start=start.isoformat(), end=end.isoformat())["coupon_sessions"]


def writing_paths(server: SandboxServer) -> list[str]:
    """The endpoints that were asked and are not for reading."""
    reading = [
        (endpoint.method, re.sub(r"\{\w+\}", "[^/]+", endpoint.path)) for endpoint in ENDPOINTS if not endpoint.writes
    ]
    requests = {(entry.method, entry.path) for entry in server.requests}
    return [
        path
        for method, path in requests
        if not any(method == known and re.fullmatch(pattern, path) for known, pattern in reading)
    ]
