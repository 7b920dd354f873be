"""Compares the export with the speed limit on the same pages, side by side: a table, and a plot of how they scale.

    uv run --group benchmarks python -m tests.benchmarks.compare --rows 100000 300000 1000000 3000000 --plot scaling.png

With `uv run --with "dlt[duckdb,parquet]" …` it is compared with dlt too, in the two ways of peer.py. Each contender is
a whole command from process start, into an empty folder. Runs alternate; figures are medians, memory is the peak of
the process tree. The pages are made once and kept in --pages.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import duckdb
import matplotlib as mpl
import psutil

from tests.benchmarks.pages import write_pages

mpl.use("Agg")
from matplotlib import pyplot as plt

CONTENDERS = ("limit", "ours", *(["dlt", "dlt-arrow"] if find_spec("dlt") else []))
DATABASES = {
    "limit": ("limit.duckdb", "session_id"),
    "ours": ("coupontools.duckdb", "session_id"),
    "dlt": ("dlt.duckdb", "session"),
    "dlt-arrow": ("dlt.duckdb", "session_id"),
}
"""Where each leaves the sessions, and the column that identifies them."""


@dataclass(frozen=True)
class Run:
    """Seconds by the clock and of processors, and megabytes at the peak."""

    wall: float
    cpu: float
    peak: float


@contextmanager
def serving(pages: Path, delay: float = 0.0) -> Iterator[str]:
    """Serve the pages, each answer after a delay in seconds; the value is the root of the API."""
    command = [sys.executable, "-m", "tests.benchmarks.server", str(pages), str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.kill()


ALL_DAYS = ("2020-01-01", "2026-11-01")


def command_of(contender: str, url: str, folder: Path, days: tuple[str, str]) -> tuple[list[str], Mapping[str, str]]:
    """What to run, and in which environment."""
    if contender != "ours":
        modules = {
            "limit": ["tests.benchmarks.limit"],
            "dlt": ["tests.benchmarks.peer", "rest"],
            "dlt-arrow": ["tests.benchmarks.peer", "arrow"],
        }
        return [sys.executable, "-m", *modules[contender], url, str(folder)], {}
    account = {"API_URL": url, "CLIENT_ID": "a", "CLIENT_SECRET": "b", "DATA_DIR": str(folder)}
    environment = {f"COUPONTOOLS_{name}": value for name, value in account.items()}
    coupontools = [sys.executable, "-c", "from pipelines.process import main; main()"]
    return [*coupontools, "export", "--from", days[0], "--to", days[1]], environment


def measured(contender: str, url: str, rows: int, days: tuple[str, str] = ALL_DAYS) -> Run:
    """Run a contender once, and see that it has every row."""
    with tempfile.TemporaryDirectory() as name:
        command, environment = command_of(contender, url, Path(name), days)
        begun, before = time.perf_counter(), os.times()
        with subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            peak = _Peak(process.pid)
            _, errors = process.communicate()
            wall, megabytes = time.perf_counter() - begun, peak.stop()
        if process.returncode:
            raise SystemExit(errors)
        after = os.times()
        file, key = DATABASES[contender]
        with duckdb.connect(str(Path(name) / file), read_only=True) as connection:
            counts = connection.execute(f"SELECT count(*), count(DISTINCT {key}) FROM coupon_sessions").fetchall()
        assert counts == [(rows, rows)], counts
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Run(wall, cpu, megabytes)


class _Peak:
    """Watches the memory of a process and its children."""

    def __init__(self, process: int) -> None:
        self._root, self._bytes, self._over = psutil.Process(process), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            total = 0
            for process in self._family():
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self._bytes = max(self._bytes, total)

    def _family(self) -> Sequence[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []

    def stop(self) -> float:
        self._over.set()
        self._thread.join()
        return self._bytes / 1e6


def compare(rows: int, runs: int, pages: Path, contenders: Sequence[str]) -> Mapping[str, Run]:
    """The medians of each contender."""
    folder = pages / str(rows)
    if not folder.exists():
        write_pages(rows, folder)
    with serving(folder) as url:
        measurements = [{contender: measured(contender, url, rows) for contender in contenders} for _ in range(runs)]
    return {
        contender: Run(
            *(
                statistics.median(getattr(run[contender], field) for run in measurements)
                for field in ("wall", "cpu", "peak")
            )
        )
        for contender in contenders
    }


def show(rows: int, runs: Mapping[str, Run]) -> None:
    """Print the figures of one size: speed and processor time also as a multiple of the limit's."""
    limit = runs["limit"]
    for contender, run in runs.items():
        print(  # noqa: T201
            f"{rows:>10,} {contender:<9} {run.wall:>8.2f} s {rows / run.wall:>10,.0f} rows/s "
            f"{limit.wall / run.wall:>6.2f} x {run.cpu:>8.2f} CPU s {run.cpu / limit.cpu:>6.2f} x {run.peak:>7.0f} MB",
            flush=True,
        )


def plot(results: Mapping[int, Mapping[str, Run]], file: Path) -> None:
    """Draw rows a second, processor time and memory over the number of rows."""
    figure, (speed, processor, memory) = plt.subplots(1, 3, figsize=(14, 4))
    sizes = sorted(results)
    for contender in results[sizes[0]]:
        runs = [results[rows][contender] for rows in sizes]
        for axes, values in (
            (speed, [rows / run.wall for rows, run in zip(sizes, runs, strict=True)]),
            (processor, [run.cpu / rows * 1e6 for rows, run in zip(sizes, runs, strict=True)]),
            (memory, [run.peak for run in runs]),
        ):
            axes.plot(sizes, values, marker="o", label=contender)
    for axes, title in (
        (speed, "rows a second"),
        (processor, "CPU seconds for 1,000,000 rows"),
        (memory, "peak memory, MB"),
    ):
        axes.set(title=title, xlabel="sessions", xscale="log", ylim=(0, None))
        axes.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=120)


def main() -> None:
    """Read the command line, measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pages", type=Path, default=Path(tempfile.gettempdir()) / "coupontools-benchmark")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS, help="who runs; the limit does")
    parser.add_argument("--plot", type=Path, help="a file to draw to, as benchmark.png")
    options = parser.parse_args()
    results = {}
    for rows in options.rows:
        results[rows] = compare(rows, options.runs, options.pages, list(dict.fromkeys(["limit", *options.only])))
        show(rows, results[rows])
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
