"""The same work by dlt, loaded into DuckDB. Usage: peer.py WAY URL FOLDER; whoever installs dlt measures it.

WAY is `rest`, a declared REST source, as most users of dlt write it; or `arrow`, a resource written by hand that yields
the frames of the speed limit as Arrow tables.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from tests.benchmarks.limit import frame
from tests.benchmarks.pages import RECORDS_OF_A_PAGE


def make_rest_source(url: str) -> Any:
    """Declare the campaigns and, for each of them, the pages of its sessions."""
    from dlt.sources.rest_api import rest_api_source

    pages = {"type": "page_number", "base_page": 1, "page_body_path": "page", "total_path": None}
    campaigns = {"path": "v3/coupon/list", "method": "POST", "json": {}, "data_selector": "coupon_info"}
    sessions = {
        "path": "v3/campaign/data",
        "method": "POST",
        "json": {"campaign": "{resources.campaigns.ID}", "page": 1},
        "data_selector": "data",
        "paginator": pages,
    }
    return rest_api_source(
        {
            "client": {"base_url": url},
            "resources": [
                {"name": "campaigns", "endpoint": {**campaigns, "paginator": "single_page"}},
                {"name": "coupon_sessions", "endpoint": sessions, "parallelized": True, "max_table_nesting": 2},
            ],
        }
    )


def make_arrow_source(url: str) -> Any:
    """Make a resource that yields each page as an Arrow table."""
    import dlt

    def read_pages() -> Iterator[Any]:
        with httpx.Client(base_url=url, timeout=60) as client:
            for campaign in client.post("/v3/coupon/list", json={}).json()["coupon_info"]:
                number, size = 1, RECORDS_OF_A_PAGE
                while size == RECORDS_OF_A_PAGE:
                    asked = {"campaign": campaign["ID"], "page": number}
                    page = client.post("/v3/campaign/data", json=asked).content
                    size = int(page[: page.index(b'"data"')].split(b'"')[-2])
                    if size:
                        yield frame(page).to_arrow(compat_level=pl.CompatLevel.oldest())
                    number += 1

    return dlt.resource(read_pages, name="coupon_sessions", write_disposition="replace")


def run(way: str, url: str, folder: Path) -> None:
    """Read all sessions into `dlt.duckdb`."""
    # as many requests at a time, and as many processes, as make it fastest here
    settings = {"EXTRACT__WORKERS": "4", "NORMALIZE__WORKERS": "2", "LOAD__WORKERS": "2"}
    os.environ.update(settings, DLT_DATA_DIR=str(folder / "dlt"), RUNTIME__DLTHUB_TELEMETRY="false")
    import dlt

    source = {"rest": make_rest_source, "arrow": make_arrow_source}[way](url)
    database = dlt.destinations.duckdb(str(folder / "dlt.duckdb"))
    dlt.pipeline("peer", destination=database, dataset_name="main").run(source, loader_file_format="parquet")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
