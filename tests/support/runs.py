"""Runs of a part of the graph, for tests that are about that part."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from assets.campaigns import campaigns
from assets.coupon_sessions import coupon_sessions
from assets.partitions import daily
from assets.published_database import published_database
from pipelines.definitions import build_defs
from resources.sandbox.account.account import Account
from resources.sandbox.endpoints.routes import ENDPOINTS
from resources.sandbox.server.server import SandboxServer

Metadata = dict[str, object]


@contextmanager
def served(account: Account, data_dir: Path, **environment: str) -> Iterator[None]:
    """Serve an account with nothing unusual, for what several tests share; the environment names it and a folder."""
    with SandboxServer(account) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUPONTOOLS_API_URL", server.url)
        patch.setenv("COUPONTOOLS_CLIENT_ID", server.client_id)
        patch.setenv("COUPONTOOLS_CLIENT_SECRET", server.client_secret)
        patch.setenv("COUPONTOOLS_DATA_DIR", str(data_dir))
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


def export_only(*assets: dg.AssetsDefinition, **days: object) -> dict[str, Metadata]:
    """Read some assets, the daily ones with `days` as their config, and publish; returns what each of them told.

    All that happens must be good.
    """
    selected = [key for asset in (*assets, published_database) for key in asset.keys]
    windowed = {asset.node_def.name: {"config": days} for asset in assets if asset.partitions_def == daily}
    job = build_defs().resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(run_config={"ops": windowed}, asset_selection=selected)
    assert result.success
    events = result.get_asset_materialization_events()
    return {
        event.asset_key.to_user_string(): {
            name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in events
        if event.asset_key
    }


def export_sessions(start: date, end: date) -> Metadata:
    """Read campaigns and sessions of a range of days, and publish; returns what was told of the sessions."""
    told = export_only(campaigns, coupon_sessions, start=start.isoformat(), end=end.isoformat())
    return told["coupon_sessions"]


def writing_paths(server: SandboxServer) -> list[str]:
    """The endpoints that were asked and are not for reading."""
    reading = [(each.method, re.sub(r"\{\w+\}", "[^/]+", each.path)) for each in ENDPOINTS if not each.writes]
    asked = {(entry.method, entry.path) for entry in server.requests}
    return [
        path
        for method, path in asked
        if not any(method == known and re.fullmatch(pattern, path) for known, pattern in reading)
    ]
