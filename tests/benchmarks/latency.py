"""A daily run over many campaigns with few sessions, on a server that takes its time: seconds, and what they could be.

Then the requests of exports that have little to read.

uv run --group benchmarks python -m tests.benchmarks.latency --campaigns 500 --delay 0.05
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import httpx

from resources.settings import ApiLimits
from tests.benchmarks.compare import measured, serving
from tests.benchmarks.pages import write_pages
from tests.benchmarks.requests import count_requests


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaigns", type=int, default=500)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds that each answer takes")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        pages = Path(name) / "pages"
        write_pages(options.rows, pages, options.campaigns)
        with serving(pages) as url:
            start_up = statistics.median(measured("ours", url, options.rows, DAY).wall for _ in range(options.runs))
        with serving(pages, options.delay) as url:
            seconds = [measured("ours", url, options.rows, DAY).wall for _ in range(options.runs)]
            requests = int(httpx.get(f"{url}/requests").text) // options.runs
    concurrency = ApiLimits.read().concurrency
    least = requests * options.delay / concurrency
    print(  # noqa: T201
        f"{requests:,} requests of {options.delay} s, {concurrency} at a time: at least {least:.1f} s; it takes "
        f"{statistics.median(seconds):.1f} s, and without the delay {start_up:.1f} s"
    )
    for export, requests, took in count_requests():
        print(f"{export}: {requests:,} requests, {took:.1f} s without a delay")  # noqa: T201


DAY = ("2026-10-31", "2026-10-31")


if __name__ == "__main__":
    main()
