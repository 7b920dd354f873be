"""The same work by dlt, as its users write it: a declared REST source, loaded into DuckDB. Usage: peer.py URL FOLDER"""

import os
import sys
from pathlib import Path


def run(url: str, folder: Path) -> None:
    """Read the campaigns and, for each of them, the pages of its sessions; whoever installs dlt measures it."""
    # as many requests at a time, and as many processes, as make it fastest here
    settings = {"EXTRACT__WORKERS": "4", "NORMALIZE__WORKERS": "2", "LOAD__WORKERS": "2"}
    os.environ.update(settings, DLT_DATA_DIR=str(folder / "dlt"), RUNTIME__DLTHUB_TELEMETRY="false")
    import dlt
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
    source = rest_api_source(
        {
            "client": {"base_url": url},
            "resources": [
                {"name": "campaigns", "endpoint": {**campaigns, "paginator": "single_page"}},
                {"name": "coupon_sessions", "endpoint": sessions, "parallelized": True, "max_table_nesting": 2},
            ],
        }
    )
    database = dlt.destinations.duckdb(str(folder / "dlt.duckdb"))
    dlt.pipeline("peer", destination=database, dataset_name="main").run(source, loader_file_format="parquet")


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
