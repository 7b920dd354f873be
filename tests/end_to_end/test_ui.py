"""Dagster in a real browser, which must be there: `uv run --group browser pytest tests/end_to_end/test_ui.py`."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import campaign, session
from tests.support.dagster_dev import dagster_dev, wait_until
from tests.support.queries import in_database

sync_api = pytest.importorskip("playwright.sync_api", reason="the dependency group browser is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

LAST_DAY = datetime.now(UTC).date() - timedelta(days=1)
FIRST_DAY = LAST_DAY - timedelta(days=59)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_backfill_of_sixty_days_by_clicks_is_one_run_and_is_published(
    serve: Serve, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_START_DATE", FIRST_DAY.isoformat())
    days: list[date] = [FIRST_DAY + timedelta(days=number) for number in range(60)]
    sessions = [session(number, created=f"{day} 12:00:00") for number, day in enumerate(days)]
    serve(HandmadeAccount([campaign(1)], {"cam_1": sessions}))
    with dagster_dev(tmp_path / "home") as dev, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        foreign: list[str] = []
        page.on("request", lambda request: None if "127.0.0.1" in request.url else foreign.append(request.url))
        page.goto(f"{dev.url}/assets/coupon_sessions?view=partitions")
        page.get_by_role("button", name="Materialize").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="All", exact=True).last.click()
        dialog.get_by_role("button", name="Launch backfill").click()
        wait_until(lambda: dev.states_of("coupon_sessions") == ["SUCCESS"], seconds=120)
        page.goto(f"{dev.url}/assets/coupon_sessions?view=partitions")
        page.get_by_text("Materialized (60)").wait_for(timeout=30_000)
        browser.close()
        wait_until(lambda: (data_dir / "coupontools.duckdb").exists(), seconds=60)
    assert len(in_database(data_dir, "FROM coupon_sessions")) == 60
    assert [url for url in foreign if url.startswith("http")] == []
