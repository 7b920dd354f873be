"""Runs of some assets without Dagster's executor, for tests that are about what the assets bring."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.campaigns import campaigns
from assets.catalogue import ASSETS, TABLES
from assets.coupon_sessions import coupon_sessions
from assets.partitions import Days, daily
from resources.coupontools.resource import CoupontoolsResource
from resources.run_mode import RunMode
from resources.sandbox.account.account import Account
from resources.sandbox.endpoints.routes import ENDPOINTS
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.resource import WarehouseResource

Metadata = dict[str, object]


@contextmanager
def served(account: Account, data_dir: Path, **environment: str) -> Iterator[None]:
    """Serve an account without faults, for several tests; the environment names the server and `data_dir`."""
    with SandboxServer(account) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUPONTOOLS_API_URL", server.url)
        patch.setenv("COUPONTOOLS_CLIENT_ID", server.client_id)
        patch.setenv("COUPONTOOLS_CLIENT_SECRET", server.client_secret)
        patch.setenv("COUPONTOOLS_DATA_DIR", str(data_dir))
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


@cache
def _instance() -> dg.DagsterInstance:
    """One instance for all calls: making one costs more than reading a table, and nothing is noted in it."""
    return dg.DagsterInstance.ephemeral()


def export_only(*assets: dg.AssetsDefinition, **days: object) -> dict[str, Metadata]:
    """Read some assets, the daily ones with `days` as their config, and publish; returns the metadata of each.

    The functions of the assets are called one after the other, and only the tables are published: no checks of the
    stage, no marts, no report. Raises dagster.Failure; a blocking check of what was read must not fail.
    """
    with ExitStack() as running:
        resources = {
            "coupontools": CoupontoolsResource(),
            "warehouse": WarehouseResource(),
            "run_mode": RunMode(interactive=True),
        }
        results: list[dg.MaterializeResult[Any]] = []
        for asset in assets:
            context = running.enter_context(dg.build_asset_context(instance=_instance(), resources=resources))
            config = {"config": Days.model_validate(days)} if asset.partitions_def == daily else {}
            returned: Any = asset(context, **config)
            # a result for each key: after the last one Dagster looks in vain for the checks, which are in the first
            results += islice(returned, len(asset.keys)) if isinstance(returned, Iterator) else [returned]
        with WarehouseResource().engine.open_publication([table.schema_of_table() for table in TABLES]):
            pass
    failed = [check for result in results for check in result.check_results if not check.passed]
    assert all(check.severity != dg.AssetCheckSeverity.ERROR for check in failed), failed
    return {result.asset_key.to_user_string(): dict(result.metadata or {}) for result in results if result.asset_key}


def export_all(**days: object) -> dict[str, Metadata]:
    """Read all assets as `export_only` does, and publish."""
    return export_only(*ASSETS.values(), **days)


def export_sessions(start: date, end: date) -> Metadata:
    """Read campaigns and sessions of a range of days, and publish; returns the metadata of the sessions."""
    return export_only(campaigns, coupon_sessions, start=start.isoformat(), end=end.isoformat())["coupon_sessions"]


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
