"""The report in a real browser, which must be there: `uv run --group browser pytest` with the path of this file."""

import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from assets.report.figures import query_figures
from assets.report.report import write_report
from tests.support.marts import READ_AT, Row, open_marts

sync_api = pytest.importorskip("playwright.sync_api", reason="the dependency group browser is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

WIDTHS = (320, 360, 390, 640, 641, 700, 769, 800, 900, 993, 1200)


def used_sessions() -> list[Row]:
    """Sessions of many weeks and campaigns, all of them used at once: every share is as wide as it can be."""
    moments = [READ_AT - timedelta(days=day) for day in range(1, 120)]
    return [
        {"campaign_id": f"cam_{number % 2}", "created_at": moment, "opened_at": moment, "claimed_at": moment}
        | {"validated_at": moment, "validation_value": Decimal("1234567.89"), "utm_source": "newsletter"}
        | {"redeem_location_company": "Bakery", "expires_at_local": moment}
        for number, moment in enumerate(moments * 12)
    ]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_no_screen_has_to_scroll_sideways(tmp_path: Path) -> None:
    campaigns: list[Row] = [{"campaign_id": f"cam_{number}", "title": f"Campaign {number}"} for number in range(2)]
    with open_marts(campaigns=campaigns, coupon_sessions=used_sessions()) as connection:
        (tmp_path / "report.html").write_text(write_report(connection, query_figures(connection)), "utf-8")
    with sync_api.sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]).new_page()
        page.goto((tmp_path / "report.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        too_wide = {}
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            needed = page.evaluate("document.documentElement.scrollWidth")
            if needed > width:
                too_wide[width] = needed
    assert too_wide == {}
