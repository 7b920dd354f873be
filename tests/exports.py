"""Runs of a part of the graph, for tests that are about that part."""

import re
from datetime import date

import dagster as dg

from assets.analytics import published_database
from assets.campaigns import campaigns
from assets.coupon_sessions import coupon_sessions
from pipelines.definitions import build_defs
from resources.sandbox.endpoints.table import ENDPOINTS
from resources.sandbox.server import SandboxServer


def export_sessions(start: date, end: date) -> None:
    """Read campaigns and sessions of a range of days, and publish; all that happens must be good."""
    days = {"config": {"start": start.isoformat(), "end": end.isoformat()}}
    job = build_defs().resolve_implicit_global_asset_job_def()
    assets: list[dg.AssetsDefinition] = [campaigns, coupon_sessions, published_database]
    result = job.execute_in_process(
        run_config={"ops": {"coupon_sessions": days}}, asset_selection=[asset.key for asset in assets]
    )
    assert result.success


def writing_paths(server: SandboxServer) -> list[str]:
    """The endpoints that were asked and are not for reading."""
    reading = [(each.method, re.sub(r"\{\w+\}", "[^/]+", each.path)) for each in ENDPOINTS if not each.writes]
    asked = {(entry.method, entry.path) for entry in server.requests}
    return [
        path
        for method, path in asked
        if not any(method == known and re.fullmatch(pattern, path) for known, pattern in reading)
    ]
