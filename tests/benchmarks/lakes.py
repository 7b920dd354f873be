"""Merges days of touched sessions into a lake and into a folder, and publishes: seconds, bytes, memory.

uv run --group cluster python -m tests.benchmarks.lakes --rows 1000000 --touched 100000 --days 3

Both run one after the other, each in a process of its own, with PostgreSQL and SeaweedFS beside them on this machine.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from pipelines.cluster.services import run_services
from resources.settings import SharedWarehouse
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.objects import Objects
from resources.warehouse.warehouse import Warehouse
from tests.benchmarks.days import FIRST, merge, publish, sessions
from tests.support.lakes import make_lake


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--touched", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--folder", help="measure in this folder, in this process")
    options = parser.parse_args()
    if options.folder:
        return _measure(options)
    with tempfile.TemporaryDirectory() as name, run_services(Path(name, "services")) as services:
        Path(name).chmod(0o755)
        for what, variables in (("folder", {}), ("lake", make_lake(services))):
            print(what)  # noqa: T201
            folder = Path(name, what)
            folder.mkdir()
            command = [sys.executable, "-m", "tests.benchmarks.lakes", "--folder", str(folder)]
            command += [f"--{name}={getattr(options, name)}" for name in ("rows", "touched", "days")]
            subprocess.run(command, env=os.environ | variables, check=True)
    return None


def _measure(options: argparse.Namespace) -> None:
    with closing(Warehouse(options.folder)) as warehouse:
        written = _count_written(Path(options.folder))
        numbers = f"SELECT range AS i FROM range({options.rows})"
        first = sessions(numbers, FIRST + timedelta(365))
        _show(f"first {options.rows:,}", lambda: merge(warehouse, first), written)
        _show("publish", lambda: publish(warehouse), written)
        for day in range(1, options.days + 1):
            hashed = f"hash(range + {day * options.touched}) % {options.rows}"
            touched = f"SELECT DISTINCT ({hashed})::BIGINT AS i FROM range({options.touched})"
            query = sessions(touched, FIRST + timedelta(365 + day))
            _show(f"day {day}", lambda query=query: merge(warehouse, query), written)  # type: ignore[misc]
            _show("publish", lambda: publish(warehouse), written)
        print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")  # noqa: T201


def _count_written(folder: Path) -> Callable[[], int]:
    """Return what says how many bytes were written since it was asked last: those of new files, or new objects."""
    known: dict[str, int] = {}

    def count() -> int:
        if "COUPONTOOLS_WAREHOUSE" in os.environ:
            now = Objects(LakeAddress.of(SharedWarehouse.read())).sizes_below("lake")
        else:
            files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
            now = {f"{path.stat().st_ino} {path.stat().st_mtime_ns}": path.stat().st_size for path in files}
        new = sum(size for name, size in now.items() if name not in known)
        known.clear()
        known.update(now)
        return new

    return count


def _show(what: str, work: Callable[[], object], written: Callable[[], int]) -> None:
    written()
    begun, used = time.perf_counter(), time.process_time()
    took = work()
    seconds = took if isinstance(took, float) else time.perf_counter() - begun
    processor, megabytes = time.process_time() - used, written() / 1e6
    print(f"  {what}: {seconds:.2f} s, processor {processor:.1f} s, {megabytes:,.1f} MB written", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
