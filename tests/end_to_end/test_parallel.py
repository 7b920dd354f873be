"""Several runs at once in one folder: they read side by side, merge in turn, and nobody sees half of anything."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from tests.conftest import Serve
from tests.support.processes import FROM, TO, State, expected, in_duckdb, in_files, left_over, revise, start_export
from tests.support.runs import export_all

Range = tuple[date, date]


def overlapping(number: int) -> list[Range]:
    """So many ranges that cover all days, each of which overlaps its neighbours and none of which holds another."""
    length = timedelta(days=30)
    step = (TO - FROM - length) / (number - 1)
    return [(FROM + index * step, FROM + index * step + length) for index in range(number - 1)] + [(TO - length, TO)]


def torn(state: State) -> list[str]:
    """What a reader finds that no order of whole merges can have brought about."""
    rows, wrong = state.rows, []
    for table, rows_of_table in rows.items():
        keys = Counter(row[:-1] for row in rows_of_table)
        if table != "quarantine" and max(keys.values(), default=0) > 1:
            wrong.append(f"{table} has rows twice")
        if table != "quarantine" and not {row[:-1] for row in expected(1).rows[table]} <= keys.keys():
            wrong.append(f"{table} has lost rows")
    # each run reads the whole of these, and merges the first of a pair before the second
    for parents, children in (("campaigns", "coupon_sessions"), ("directories", "directory_registrations")):
        if len(state.revisions(parents)) > 1:
            wrong.append(f"{parents} are of two revisions")
        if "r2" in state.revisions(children) and "r1" in state.revisions(parents):
            wrong.append(f"{children} are newer than {parents}")
    # a run reads a day in all campaigns, or in none
    of_days = {(day, revision) for *_, day, revision in rows["coupon_sessions"]}
    if len(of_days) > len({day for day, _ in of_days}):
        wrong.append("the sessions of one day are of two revisions")
    return wrong


@dataclass
class Readings:
    """What readers found while others wrote."""

    reads: int = 0
    distinct: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


@contextmanager
def reader(read: Callable[[Path], State], data_dir: Path) -> Iterator[Readings]:
    """Read in a loop as long as the context lasts."""
    readings, over = Readings(), threading.Event()

    def loop() -> None:
        while not over.wait(0.4):
            try:
                state = read(data_dir)
                readings.wrong += torn(state)
                readings.distinct.add(hash(str(state)))
            except Exception as error:
                readings.wrong.append(repr(error))
            readings.reads += 1

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield readings
    finally:
        over.set()
        thread.join()


def reading_at_once(server: SandboxServer, begun: int) -> int:
    """How many ranges were being read at the same time, at most."""
    spans: dict[object, tuple[float, float]] = {}
    for entry in server.requests[begun:]:
        if entry.path.startswith("v3/campaign/"):
            first, last = spans.get(entry.parameters["start_date"], (entry.began, entry.ended))
            spans[entry.parameters["start_date"]] = min(first, entry.began), max(last, entry.ended)
    return max(sum(first <= moment <= last for first, last in spans.values()) for moment, _ in spans.values())


def export_at_once(data_dir: Path, ranges: Sequence[Range]) -> list[Readings]:
    """Export the ranges in a process each while others read what is published; all must end well."""
    with reader(in_duckdb, data_dir) as of_database, reader(in_files, data_dir) as of_files:
        processes = [start_export(data_dir, *range_) for range_ in ranges]
        for process in processes:
            process.finish()
    return [of_database, of_files]


@pytest.mark.parametrize("number", [3])
def test_overlapping_ranges_exported_at_once_end_as_one_after_the_other(
    serve: Serve, data_dir: Path, number: int
) -> None:
    account = HandmadeAccount()
    revise(account, 1)
    server = serve(account)
    export_all(start=str(FROM), end=str(TO))
    revise(account, 2)
    server.faults.add(Fault("stall", path="v3/campaign/*", times=None, seconds=0.5))
    begun = len(server.requests)
    readings = export_at_once(data_dir, overlapping(number))
    # the session without a date is in every range, and none of them holds the first
    without_date = expected(1).rows["quarantine"] + expected(2).rows["quarantine"]
    assert in_duckdb(data_dir) == in_files(data_dir) == State({**expected(2).rows, "quarantine": without_date})
    assert reading_at_once(server, begun) >= max(2, number - 1)
    assert [reading.wrong for reading in readings] == [[], []]
    assert all(len(reading.distinct) > 1 for reading in readings), "they have read while something changed"
    assert not left_over(data_dir)
